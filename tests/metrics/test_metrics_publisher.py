"""What the publisher hands out, and what it notes of it."""

import threading
from collections.abc import Collection, Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from exporter.ledger import SeriesTotal
from exporter.metrics import Form, Format, Publisher, Snapshot
from tests.e2e.harness import wait_until
from tests.metrics.moments import RECORDS, TOTALS, make_moment

PLAIN = Form(Format.TEXT)
GZIPPED = Form(Format.OPENMETRICS, is_gzipped=True)
YOUNG = make_moment({RECORDS: SeriesTotal((3.0,))})


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """Give a running publisher whose clock stands at 42."""
    publisher = Publisher(YOUNG, CollectorRegistry(), lambda: 42.0)
    publisher.start()
    yield publisher
    publisher.stop()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Form]:
    """Give the forms in which bodies are asked for, as it happens."""
    asked: list[Form] = []
    body = Snapshot.body

    def noted(self: Snapshot, form: Form, names: Collection[str] = ()) -> bytes:
        asked.append(form)
        return body(self, form, names)

    monkeypatch.setattr(Snapshot, "body", noted)
    return asked


def test_the_first_snapshot_is_there_before_anything_is_published(publisher: Publisher) -> None:
    """A scrape never waits for a rendering."""
    assert publisher.current.moment is YOUNG


def test_what_prometheus_asks_for_is_ready_before_its_first_scrape(made: list[Form]) -> None:
    """Of many alerts that takes a while, which the scrape would wait for."""
    Publisher(YOUNG, CollectorRegistry(), lambda: 42.0)

    assert made == [GZIPPED]


def test_the_newest_moment_wins(publisher: Publisher) -> None:
    """Of many moments published at once the last one is what scrapes get in the end."""
    moments = [make_moment(TOTALS) for _ in range(50)]
    for moment in moments:
        publisher.publish(moment)

    wait_until(lambda: publisher.current.moment is moments[-1], within=20)
    assert publisher.scrape(PLAIN) == publisher.current.body(PLAIN)


def test_newborn_series_are_noted_when_a_scrape_gets_them(publisher: Publisher) -> None:
    """Rendering alone is no birth; the first scrape is, and it is told once per snapshot."""
    assert list(publisher.take_served()) == []

    publisher.scrape(PLAIN)
    publisher.scrape(PLAIN)

    assert list(publisher.take_served()) == [((RECORDS,), 42.0)]
    assert list(publisher.take_served()) == []


def test_a_scrape_of_other_families_is_no_birth(publisher: Publisher) -> None:
    """Who asks for some families by name got the zeros of those alone."""
    publisher.scrape(PLAIN, {"bkmonitor_flow_open_alerts"})
    assert list(publisher.take_served()) == []

    publisher.scrape(PLAIN, {"bkmonitor_flow_records_total"})
    assert list(publisher.take_served()) == [((RECORDS,), 42.0)]


def test_what_scrapes_ask_for_is_made_ahead_of_them(publisher: Publisher, made: list[Form]) -> None:
    """What Prometheus asks for, and a form that was asked for lately, is ready with the next snapshot."""
    publisher.scrape(PLAIN)
    made.clear()
    after = make_moment(TOTALS)
    publisher.publish(after)
    wait_until(lambda: publisher.current.moment is after, within=20)

    assert made == [GZIPPED, PLAIN]


class Broken(CollectorRegistry):
    """A registry that works once."""

    def __init__(self) -> None:
        super().__init__()
        self.works = True

    def collect(self) -> Iterator[Metric]:
        """Yield nothing, or fail."""
        if not self.works:
            raise ZeroDivisionError
        return iter(())


def test_a_bug_in_rendering_reaches_the_loop() -> None:
    """The exporter ends rather than serve an old snapshot for ever."""
    broken = Broken()
    publisher = Publisher(YOUNG, broken, lambda: 0.0)
    broken.works = False
    publisher.start()

    publisher.publish(YOUNG)
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - which of the next ones raises is up to the thread
        for _ in range(100):
            threading.Event().wait(0.1)
            publisher.publish(YOUNG)
    publisher.stop()


def test_it_stops_at_once_also_when_nothing_was_published() -> None:
    """Stopping waits for no moment."""
    publisher = Publisher(YOUNG, CollectorRegistry(), lambda: 0.0)
    publisher.start()
    stopper = threading.Thread(target=publisher.stop)
    stopper.start()
    stopper.join(5)

    assert not stopper.is_alive()
