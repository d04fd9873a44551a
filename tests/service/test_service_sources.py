"""The sources across reloads: what is kept, what is made anew, and what ends."""

import queue
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from prometheus_client.exposition import generate_latest

from exporter.config import HistogramSettings, Settings, load_config
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import OwnMetrics
from exporter.poller.workers import Answers
from exporter.service import bounds
from exporter.service.sources import Sources


def source(name: str, **more: object) -> dict[str, object]:
    """Return a source that nobody answers for."""
    auth = {"app_code": "a", "app_secret": "b", "username": "c"}
    return {"name": name, "url": "http://127.0.0.1:9", "auth": auth, "watch": [{"alerts": ["1"]}], **more}


class Exporter:
    """The sources of an exporter whose config is written anew."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._config = folder / "config.yaml"
        self.own = OwnMetrics("1")
        self.answers: Answers = queue.SimpleQueue()
        self.sources = Sources(ledger, self.own, self.answers, lambda: 1000.0)

    def settings(self, *sources: dict[str, object], **more: object) -> Settings:
        """Write and load a config."""
        self._config.write_text(yaml.safe_dump({"sources": list(sources), **more}))
        return load_config(self._config, {})

    def reload(self, *sources: dict[str, object], **more: object) -> None:
        """Put a config into force."""
        draft = self.sources.draft(self.settings(*sources, **more))
        new = self.sources.make_pollers(draft)
        self.sources.end_outdated(draft)
        self.sources.adopt(draft, new)


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    """Give an exporter with two sources."""
    with closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", bounds(HistogramSettings()))) as ledger:
        made = Exporter(tmp_path, ledger)
        made.reload(source("a"), source("b"))
        yield made
        made.sources.end()


def threads(name: str) -> set[threading.Thread]:
    """Return the running workers of a source."""
    return {thread for thread in threading.enumerate() if thread.name.startswith(f"{name}-")}


def test_a_source_whose_config_is_the_same_keeps_all(exporter: Exporter) -> None:
    """Its very poller and its very workers, whatever becomes of the others."""
    pollers, workers = exporter.sources.pollers, exporter.sources.workers

    exporter.reload(source("c"), source("a"), web={"birth_hold": 1})

    assert exporter.sources.pollers["a"] is pollers["a"]
    assert exporter.sources.workers["a"] is workers["a"]
    assert list(exporter.sources.pollers) == list(exporter.sources.workers) == ["c", "a"]


@pytest.mark.parametrize(
    ("more", "is_asked_otherwise"),
    [
        ({"watch": [{"alerts": ["1", "2"]}]}, False),
        ({"rate_limit": {"requests_per_second": 1}}, False),
        ({"rate_limit": {"concurrency": 2}}, True),
        ({"url": "http://127.0.0.1:8"}, True),
        ({"auth": {"app_code": "a", "app_secret": "other", "username": "c"}}, True),
        ({"headers": {"X-Key": "other"}}, True),
        ({"timezone": "UTC"}, True),
        ({"timeout": 3}, True),
    ],
)
def test_a_changed_source_keeps_its_poller_and_connects_anew_where_it_must(
    exporter: Exporter, more: dict[str, object], is_asked_otherwise: bool
) -> None:
    """What is known of its schedule stays; only what concerns the asking itself makes another connection."""
    pollers, workers = exporter.sources.pollers, exporter.sources.workers

    exporter.reload(source("a", **more), source("b"))

    assert exporter.sources.pollers["a"] is pollers["a"]
    assert (exporter.sources.workers["a"] is not workers["a"]) == is_asked_otherwise
    assert exporter.sources.workers["b"] is workers["b"]


def test_another_certificate_in_the_same_file_makes_another_connection(exporter: Exporter, tmp_path: Path) -> None:
    """A renewed authority is a change, although the config's text is the same."""
    ca = tmp_path / "ca.pem"
    ca.write_text("one")
    exporter.reload(source("a", tls={"ca_file": str(ca)}))
    workers = exporter.sources.workers["a"]
    exporter.reload(source("a", tls={"ca_file": str(ca)}))
    assert exporter.sources.workers["a"] is workers

    ca.write_text("another one")
    exporter.reload(source("a", tls={"ca_file": str(ca)}))

    assert exporter.sources.workers["a"] is not workers


def test_a_removed_source_ends_with_its_threads_and_series(exporter: Exporter) -> None:
    """A request that was under way does not bring its series back; put back, they begin at 0."""
    exporter.own.requested("b", "get_event_log", "200", 0.1)
    ended = threads("b")
    assert ended

    exporter.reload(source("a"))
    exporter.own.requested("b", "get_event_log", "200", 0.1)

    for thread in ended:
        thread.join(10)
    assert threads("b") == set()
    assert 'source="b"' not in generate_latest(exporter.own).decode()
    exporter.reload(source("a"), source("b"))
    told = generate_latest(exporter.own).decode()
    assert 'requests_total{code="200",endpoint="get_event_log",source="b"} 0.0' in told


def test_a_draft_that_is_discarded_leaves_nothing(exporter: Exporter) -> None:
    """Its threads end, and those in force go on."""
    before = threading.enumerate()
    draft = exporter.sources.draft(exporter.settings(source("a", timeout=3), source("new")))
    opened = set(threading.enumerate()) - set(before)
    assert len(opened) == 8

    draft.discard()

    for thread in opened:
        thread.join(10)
    assert set(threading.enumerate()) == set(before)
    assert list(exporter.sources.pollers) == ["a", "b"]
