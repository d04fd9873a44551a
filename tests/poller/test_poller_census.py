"""Counts that are kept up change by change are those that one would count by hand."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.blueking import BadRequest, BlueKingError, NoSuchAlert, Page, Unreachable, Upstream
from exporter.config import RateLimitSettings
from exporter.flow.records import Log
from exporter.flow.sightings import Outcome, Sighting
from exporter.metrics.moment import WatchedState
from exporter.poller.loop import Poller, Terms
from exporter.poller.source import SourcePoller
from exporter.poller.streaks import Streaks
from exporter.watch import Watches
from tests.poller.desk import BORN, POLL, Desk, log
from tests.watching import make_source, write_watch_file

WATCH = "[{files: [watch.yaml]}, {search: {bk_biz_ids: [2]}}]"
LISTED, FOUND = ("1", "2", "3"), ("3", "4", "5")
BACK = -7200.0

TOLD: dict[str, Log | BlueKingError] = {
    "open": log(("CREATE", BORN - 60)),
    "ended": log(("CREATE", BORN - 60), ("RECOVER", BORN)),
    "missing": NoSuchAlert("3324002"),
    "wrong": BadRequest("400"),
    "trouble": Upstream("500"),
    "away": Unreachable("reset"),
}
STEPS = st.one_of(
    st.tuples(st.just("list"), st.sets(st.sampled_from(LISTED))),
    st.tuples(st.just("search"), st.sets(st.sampled_from(FOUND)), st.sets(st.sampled_from(FOUND))),
    st.tuples(st.just("logs"), st.sampled_from(sorted(TOLD)), st.sampled_from(sorted(TOLD))),
    st.tuples(st.just("time"), st.sampled_from([10.0, 60.0, 4000.0, BACK])),
)


def by_hand(desk: Desk) -> Counter[WatchedState]:
    """Return the states of the watched alerts, looked up one by one."""
    given_up = desk.state().given_up
    states: Counter[WatchedState] = Counter()
    for source, alert_id in desk.poller.watched:
        known = desk.ledger.get(source, alert_id)
        if alert_id in given_up:
            states[given_up[alert_id]] += 1
        elif known is not None:
            states[WatchedState.OPEN if known.outcome is None else WatchedState.SETTLING] += 1
    return states


def go(desk: Desk, step: tuple[object, ...]) -> None:
    """Have something happen."""
    match step:
        case "list", set(listed):
            desk.watch(*sorted(listed))
        case "search", set(found), set(ended):
            over = {i: {"outcome": Outcome.CLOSED, "ended_at": desk.now} for i in ended}
            told = [Sighting(i, created_at=BORN - 60, **over.get(i, {})) for i in sorted(found)]  # type: ignore[arg-type] # by name
            answer(desk, search=Page(tuple(told), len(told)))
        case "logs", str(first), str(others):
            answer(desk, first=TOLD[first], others=TOLD[others])
        case "time", float(seconds):
            desk.now += seconds
            if seconds < 0:
                desk.poller.clock_set_back(-seconds)
    desk.cycle()


def answer(
    desk: Desk,
    search: Page | None = None,
    first: Log | BlueKingError = TOLD["open"],
    others: Log | BlueKingError = TOLD["open"],
) -> None:
    """Answer what is asked now, once."""
    for question in list(desk.questions()):
        told = (first if question.key in ("1", "4") else others) if question.query is None else search or Page((), 0)
        desk.answer(question.key, told)


@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_the_states_of_the_watched_alerts_are_those_counted_by_hand(steps: list[tuple[object, ...]]) -> None:
    """Whoever joins, leaves, is read, fails, rests or comes back, and wherever the clock is set."""
    with TemporaryDirectory() as folder, closing(Desk(Path(folder), BORN, watch=WATCH)) as desk:
        desk.watch(*LISTED)
        for step in steps:
            go(desk, step)
            watched = desk.poller.watched
            assert desk.state().watched == by_hand(desk)
            assert desk.poller.watched is watched


def test_as_long_as_nobody_joins_or_leaves_moments_name_the_watched_by_the_same_object(tmp_path: Path) -> None:
    """Whoever draws a picture of a hundred thousand alerts need not compare them one by one."""
    desk = Desk(tmp_path, BORN)
    other = SourcePoller(
        "other",
        watches=Watches("other", make_source(tmp_path, "[{alerts: ['7']}]").watch, ()),
        ledger=desk.ledger,
        own=desk.own,
        poll=POLL,
        limits=RateLimitSettings(),
        jitter=lambda: 1.0,
        now=desk.now,
    )
    poller = Poller([desk.poller, other], {}, SimpleQueue(), desk.ledger, Terms(0.0, 1e9), clock=lambda: desk.now)
    write_watch_file(tmp_path, "1")
    poller.select()
    watched = poller.moment().watched
    assert watched == {("prod", "1"), ("other", "7")}
    poller.select()
    assert poller.moment().watched is watched

    write_watch_file(tmp_path, "1", "2")
    poller.select()
    assert poller.moment().watched == {("prod", "1"), ("prod", "2"), ("other", "7")}
    desk.close()


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abc"), st.sampled_from(["missing", "wrong", "trouble", None])),
            st.tuples(st.just("answered"), st.sampled_from([None, -40.0, 0.0, 30.0])),
        ),
        max_size=60,
    )
)
def test_those_given_up_are_those_that_each_streak_gives_up(steps: list[tuple[str, str | float | None]]) -> None:
    """Told one by one or all together, also where the source answers later, or the clock is set back."""
    now, answered_at = 100.0, None
    streaks = Streaks("prod", lambda: answered_at)
    for name, what in steps:
        now += 10.0
        if name == "answered":
            answered_at = None if what is None else now + float(what)
        elif isinstance(what, str):
            error = TOLD[what]
            assert isinstance(error, BlueKingError)
            streaks.failed(name, error, now)
        else:
            streaks.clear(name)

        told = streaks.all_given_up()
        assert told == {each: given_up for each in "abc" if (given_up := streaks.given_up(each)) is not None}
        assert streaks.all_given_up() is told


def test_what_was_told_of_those_given_up_does_not_change_afterwards() -> None:
    """Who holds it to compare may compare."""
    streaks = Streaks("prod", lambda: 50.0)
    streaks.failed("a", BadRequest("400"), 10.0)
    told = streaks.all_given_up()
    streaks.clear("a")

    assert list(told) == ["a"]
    assert streaks.all_given_up() == {}
