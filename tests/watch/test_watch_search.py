"""One round of a search: pages, duplicates, and what lies beyond the server's cap."""

from collections.abc import Iterable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.blueking import Page, SearchQuery
from exporter.config import LabelSettings, SearchSettings
from exporter.flow.sightings import Sighting
from exporter.watch.search import CAP, PAGE_SIZE, SearchPages, SearchRound, search_watches
from tests.watching import make_source


def make_search(*businesses: int) -> SearchSettings:
    """Return a search in these businesses."""
    return SearchSettings(bk_biz_ids=businesses)


def make_sighting(number: int, created_at: float, updated_at: float = 0.0) -> Sighting:
    """Return an open alert."""
    return Sighting(f"1700000000{number:05}", created_at=created_at, updated_at=updated_at)


def serve(alerts: Iterable[tuple[int, Sighting]], query: SearchQuery) -> Page:
    """Answer as the server does: newest first, those that began before the end, not beyond the cap."""
    found = [
        s
        for business, s in alerts
        if (query.bk_biz_ids == (-1,) or business in query.bk_biz_ids) and (s.created_at or 0) < query.end
    ]
    found.sort(key=lambda s: (-(s.created_at or 0), s.alert_id))
    assert query.page * query.page_size <= CAP, "the server refuses pages beyond the cap"
    first = (query.page - 1) * query.page_size
    return Page(tuple(found[first : first + query.page_size]), min(len(found), CAP))


def run(search_round: SearchRound, alerts: list[tuple[int, Sighting]]) -> int:
    """Run a round to its end; return how many pages it asked for."""
    pages = 0
    while (query := search_round.query) is not None:
        search_round.take(serve(alerts, query))
        pages += 1
        assert pages < 500
    return pages


def test_an_empty_answer_is_one_page() -> None:
    """Nothing found is found by one question."""
    search_round = SearchRound(make_search(-1), 0.0, 100.0)

    assert run(search_round, []) == 1
    assert search_round.sightings == []
    assert search_round.is_complete


def test_a_full_page_is_followed_by_the_next() -> None:
    """Pages are asked for until all that the server announced was seen, and no more."""
    alerts = [(2, make_sighting(n, float(n))) for n in range(2 * PAGE_SIZE)]
    search_round = SearchRound(make_search(2), 0.0, 1e6)

    assert run(search_round, alerts) == 2
    assert len(search_round.sightings) == 2 * PAGE_SIZE


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([2, 3, 5]), st.integers(0, 40_000)), max_size=60),
    st.integers(0, 30_000),
    st.sampled_from([(-1,), (2, 3, 5)]),
)
def test_a_round_finds_every_alert_however_many_there_are(
    some: list[tuple[int, int]], many: int, businesses: tuple[int, ...]
) -> None:
    """Beyond the cap the search is split by business, then by time, and misses nothing."""
    alerts = [(business, make_sighting(n, float(at))) for n, (business, at) in enumerate(some)]
    alerts += [(2, make_sighting(n + 1000, float(n))) for n in range(many)]
    search_round = SearchRound(make_search(*businesses), 0.0, 1e6)

    run(search_round, alerts)

    assert {s.alert_id for s in search_round.sightings} == {s.alert_id for _, s in alerts}
    assert search_round.is_complete


def test_what_cannot_be_split_is_no_complete_round() -> None:
    """More alerts in one second than a search can answer: the round ends, and says that it saw not all."""
    alerts = [(2, make_sighting(n, 5.0)) for n in range(CAP + 1)]
    search_round = SearchRound(make_search(2), 0.0, 6.0)

    run(search_round, alerts)

    assert not search_round.is_complete


def test_the_latest_update_of_an_alert_that_comes_twice_wins() -> None:
    """An alert that slipped to the next page while it changed counts as it is now."""
    search_round = SearchRound(make_search(2), 0.0, 100.0)
    filler = tuple(make_sighting(n, 50.0) for n in range(1, PAGE_SIZE))
    search_round.take(Page((make_sighting(0, 50.0, updated_at=9.0), *filler), PAGE_SIZE + 1))
    search_round.take(Page((make_sighting(0, 50.0, updated_at=7.0),), PAGE_SIZE + 1))

    assert next(s for s in search_round.sightings if s.alert_id.endswith("00000")).updated_at == 9.0


def test_a_page_tells_what_no_earlier_page_told_newer() -> None:
    """Whoever takes pages in one by one hears no older word of an alert after a newer one."""
    pages = SearchPages(make_search(2), 0.0, 100.0)
    first, same, older, newer = (make_sighting(0, 50.0, updated_at=at) for at in (7.0, 7.0, 6.0, 8.0))
    other = make_sighting(1, 50.0)

    told = [pages.take(Page(found, 4 * PAGE_SIZE)) for found in ((first,), (older, other), (same,), (newer,))]

    assert told == [[first], [other], [same], [newer]]
    assert pages.found == {first.alert_id: 8.0, other.alert_id: 0.0}


def test_a_partial_answer_is_no_complete_round() -> None:
    """What the server did not look at may be there."""
    search_round = SearchRound(make_search(2), 0.0, 100.0)
    search_round.take(Page((), 0, is_partial=True))

    assert search_round.query is None
    assert not search_round.is_complete


def test_a_page_that_is_empty_before_the_total_ends_the_round() -> None:
    """A server that announces more than it gives is not asked for ever."""
    search_round = SearchRound(make_search(2), 0.0, 100.0)
    search_round.take(Page(tuple(make_sighting(n, 1.0) for n in range(PAGE_SIZE)), 5000))
    search_round.take(Page((), 5000))

    assert search_round.query is None


def test_a_search_watch_labels_what_it_finds(tmp_path: Path) -> None:
    """Source, the alert's fields that the config chose, and the watch's labels; a field that is empty makes none."""
    source = make_source(tmp_path, "[{alerts: [1]}, {search: {bk_biz_ids: [2]}, labels: {team: infra}}]")
    (watch,) = search_watches(
        "prod", source.watch, (LabelSettings(field="severity"), LabelSettings(field="strategy_id"))
    )

    labels = watch.labels(Sighting("1", {"severity": "fatal", "strategy_id": "", "alert_name": "x"}))

    assert labels == (("severity", "fatal"), ("source", "prod"), ("team", "infra"))


def test_a_listed_field_lets_only_its_values_through(tmp_path: Path) -> None:
    """Any other value becomes `other`, and an empty one makes no label."""
    source = make_source(tmp_path, "[{search: {bk_biz_ids: [2]}}]")
    only = LabelSettings(field="strategy_id", only=("169", "170"))
    (watch,) = search_watches("prod", source.watch, (only,))

    found = [watch.labels(Sighting("1", {"strategy_id": value})) for value in ("169", "171", "")]

    assert [dict(labels).get("strategy_id") for labels in found] == ["169", "other", None]
