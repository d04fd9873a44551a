"""The client: the questions one can ask a source, and every answer told by its endpoint, its code and its time."""

import time
from collections.abc import Callable

from requests.structures import CaseInsensitiveDict

from exporter import __version__
from exporter.blueking.answers import read_answer, read_body
from exporter.blueking.auth import Auth, Credentials, Placement
from exporter.blueking.errors import BadRequest, NoSuchAlert, NotAllowed, Refused
from exporter.blueking.failures import Failure
from exporter.blueking.head import Head
from exporter.blueking.logs import log_of
from exporter.blueking.pages import Page, page_of
from exporter.blueking.questions import Question
from exporter.blueking.redaction import Redactor
from exporter.blueking.searches import SearchQuery
from exporter.blueking.transport import Transport
from exporter.config import SourceSettings
from exporter.flow.known import creation_from_id
from exporter.flow.records import Log

Observe = Callable[[str, str, float], None]

_OURS = {
    "User-Agent": f"bkmonitor-flow-exporter/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}


class BlueKing:
    """A source's API; any number of threads may ask at once, `rate_limit.concurrency` of them without new connections.

    Does not limit itself: when to ask is the poller's business. `observe` is called after each request with its
    endpoint, the HTTP status (`error` where there was none) and the seconds that it took. `now` gives unix seconds.
    """

    def __init__(self, settings: SourceSettings, *, observe: Observe, now: Callable[[], float]) -> None:
        self._settings = settings
        self._observe = observe
        self._now = now
        self._auth = Auth(settings.auth)
        self._transport = Transport(settings)

    def get_event_log(self, alert_id: str) -> Log:
        """Return all flow records of an alert as the source tells them now; raises BlueKingError."""
        address = self._address(self._settings.paths.get_event_log)
        head, content = self._ask(Question("get_event_log", address, "GET", {"id": alert_id}))
        return log_of(content, self._settings.timezone, head, creation_from_id(alert_id, self._now()))

    def search_alert(self, query: SearchQuery) -> Page:
        """Return one page of the alerts that a query selects, as the source finds them now; raises BlueKingError."""
        address = self._address(self._settings.paths.search_alert)
        head, content = self._ask(Question("search_alert", address, "POST", query.body()))
        return page_of(content, head)

    def close(self) -> None:
        """Close the connections; requests under way still end."""
        self._transport.close()

    def _address(self, path: str) -> str:
        return self._settings.url.rstrip("/") + path if path.startswith("/") else path

    def _ask(self, question: Question) -> tuple[Head, object]:
        """Return what an answer carries, and its head, with the credentials where the endpoint takes them."""
        refusals: list[Refused] = []
        for placement in self._auth.placements(question.endpoint):
            try:
                head, content = self._ask_as(self._auth.credentials(placement), question)
            except Refused as error:
                # Only where they were not seen may they stand elsewhere: a query string ends up in access logs.
                if not error.credentials_missing and (not refusals or isinstance(error, BadRequest)):
                    raise
                refusals.append(error)
                continue
            except NoSuchAlert:
                self._auth.accept(question.endpoint, placement)
                raise
            self._auth.accept(question.endpoint, placement)
            return head, content
        raise _joined(refusals)

    def _ask_as(self, credentials: Credentials, question: Question) -> tuple[Head, object]:
        request = question.request(self._headers(credentials), credentials.params)
        redact = Redactor(self._secrets(credentials, question.address))
        started = time.monotonic()
        reply = self._transport.exchange(request)
        code = "error" if reply.status is None else str(reply.status)
        self._observe(question.endpoint, code, time.monotonic() - started)
        if isinstance(reply, Failure):
            raise reply.meaning(Head(question.endpoint, reply.status, redact=redact).message(reply.why))
        head = Head(question.endpoint, reply.status, reply.headers, self._now(), redact)
        return head, read_answer(read_body(reply.body, head), head)

    def _headers(self, credentials: Credentials) -> CaseInsensitiveDict[str]:
        headers = CaseInsensitiveDict({**_OURS, **credentials.headers})
        if self._settings.tenant_id:
            headers["X-Bk-Tenant-Id"] = self._settings.tenant_id
        headers.update({name: value.reveal() for name, value in self._settings.headers.items()})
        return headers

    def _secrets(self, credentials: Credentials, address: str) -> tuple[str, ...]:
        headers = (value.reveal() for value in self._settings.headers.values())
        # Of `Bearer abc` the second word is a secret on its own.
        words = tuple(word for header in headers for word in (header, header.split()[-1]))
        return credentials.secrets + words + self._transport.proxy_secrets(address)


def _joined(refusals: list[Refused]) -> Refused:
    """Return one refusal for all: which of them tells the true cause depends on what the source takes."""
    if len(refusals) == 1:
        return refusals[0]
    meaning = NotAllowed if any(isinstance(refusal, NotAllowed) for refusal in refusals) else BadRequest
    return meaning(
        "; ".join(f"credentials in {place}: {refusal}" for place, refusal in zip(Placement, refusals, strict=True))
    )
