"""The connection to one source: a client, and the workers that ask through it."""

from collections.abc import Callable
from functools import partial

from exporter.blueking import BlueKing, Page
from exporter.config import FileSignature, RateLimitSettings, SourceSettings, file_signature
from exporter.flow.records import Log
from exporter.metrics import OwnMetrics
from exporter.poller.workers import Answers, Question, Workers


class Connection:
    """Asks one source from threads of its own, from the moment it is made until `end`."""

    def __init__(self, source: SourceSettings, own: OwnMetrics, answers: Answers, clock: Callable[[], float]) -> None:
        self._source = _as_asked(source)
        self._tls = _tls_files(source)
        self._client = BlueKing(source, observe=partial(own.requested, source.name), now=clock)
        self.workers = Workers(source.name, self._ask, source.rate_limit.concurrency, answers, clock)

    def serves(self, source: SourceSettings) -> bool:
        """Whether a source that is configured like this is asked in the same way; a changed certificate is another."""
        return self._source == _as_asked(source) and self._tls == _tls_files(source)

    def end(self) -> None:
        """Take no answer from now on, and end the threads after what they are at; returns at once."""
        self.workers.dismiss()
        self._client.close()

    def _ask(self, question: Question) -> Log | Page:
        if question.query is not None:
            return self._client.search_alert(question.query)
        return self._client.get_event_log(question.key)


def _as_asked(source: SourceSettings) -> SourceSettings:
    """Return the settings without what only the poller goes by: what is watched, and how often something is asked."""
    limit = RateLimitSettings(concurrency=source.rate_limit.concurrency)
    return source.model_copy(update={"watch": (), "rate_limit": limit})


def _tls_files(source: SourceSettings) -> tuple[FileSignature | None, ...]:
    files = (source.tls.ca_file, source.tls.cert_file, source.tls.key_file)
    return tuple(None if file is None else file_signature(file) for file in files)
