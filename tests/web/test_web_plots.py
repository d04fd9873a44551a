"""The plots: the numbers are those that a scrape gets, and the drawing fits its frame."""

from dataclasses import replace

import pytest

from exporter.flow.deadlines import AckTarget, AckTargets
from exporter.flow.labels import extend, make_labels
from exporter.flow.observations import Total
from exporter.ledger import Series, SeriesTotal
from exporter.metrics import Moment
from exporter.web.plots import HEIGHT, WIDTH, ack_times, deadlines
from tests.metrics.moments import make_moment
from tests.web.site import application

G = make_labels({"source": "prod", "severity": "fatal"})
OTHER = make_labels({"source": "prod", "severity": "remind"})
FOREIGN = make_labels({"source": "gone", "severity": "fatal"})


def histogram(*values: float, revealed: bool = True) -> SeriesTotal:
    """Return a series of a histogram: its buckets, then its sum."""
    return SeriesTotal(values, revealed=revealed)


def counted(result: str, amount: float, labels: tuple[tuple[str, str], ...] = G) -> tuple[Series, SeriesTotal]:
    """Return a series of deadlines."""
    return Series(Total.ACK_DEADLINES, extend(labels, result=result)), SeriesTotal((amount,), revealed=True)


def moment_with(*series: tuple[Series, SeriesTotal]) -> Moment:
    """Return a moment with these totals, and targets of a minute for fatal alerts and of half an hour for all."""
    targets = AckTargets([AckTarget({"severity": "fatal"}, 60.0, 0.9), AckTarget({}, 1800.0, 0.5)])
    return replace(make_moment(dict(series)), targets=targets)


def test_the_histogram_is_the_sum_of_what_is_served() -> None:
    """Series of this source that are revealed; neither one that is born just now nor one of a source that is gone."""
    told = ack_times(
        moment_with(
            (Series(Total.TIME_TO_ACK, G), histogram(5, 3, 1, 99.0)),
            (Series(Total.TIME_TO_ACK, OTHER), histogram(4, 0, 0, 9.0)),
            (Series(Total.TIME_TO_ACK, extend(G, team="new")), histogram(7, 7, 7, 9.0, revealed=False)),
            (Series(Total.TIME_TO_ACK, FOREIGN), histogram(7, 7, 7, 9.0)),
        )
    )

    assert [(bar.bound, bar.count) for bar in told.bars] == [("1m", 9), ("5m", 3), (">5m", 1)]
    assert [bar.told for bar in told.bars] == ["up to 1m", "1m to 5m", "over 5m"]
    assert (told.count, told.most_within) == (13, "5m")
    assert [within for _, within in told.targets] == ["1m"]


def test_the_bars_fit_their_frame() -> None:
    """The fullest bucket is as high as the plot, an empty one has no height, and none leaves the frame."""
    told = ack_times(moment_with((Series(Total.TIME_TO_ACK, G), histogram(2, 0, 1, 99.0))))

    assert [bar.height for bar in told.bars] == [HEIGHT, 0, HEIGHT / 2]
    assert all(bar.y + bar.height == HEIGHT and bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in told.bars)
    assert [x for x, _ in told.targets] == pytest.approx([WIDTH / 3], abs=0.01)


def test_deadlines_belong_to_the_first_target_that_matches() -> None:
    """Met among met and missed, as the objective has it; those that ended first are counted beside."""
    fatal, rest = deadlines(
        moment_with(counted("met", 3), counted("missed", 1), counted("ended", 4), counted("ended", 2, OTHER))
    )

    assert (fatal.name, fatal.within, fatal.met, fatal.missed, fatal.ended) == ("fatal", "1m", 3, 1, 4)
    assert fatal.share == 0.75
    assert list(fatal.segments) == [("met", 0.0, 37.5), ("missed", 37.5, 12.5), ("ended", 50.0, 50.0)]
    assert (rest.name, rest.share, rest.ended) == ("every alert", None, 2)


def test_the_page_draws_them_with_words_for_who_does_not_see() -> None:
    """Each drawing has a text of its own, and what is over the objective is said as a word too."""
    moment = moment_with(
        counted("met", 3), counted("missed", 1), (Series(Total.TIME_TO_ACK, G), histogram(2, 0, 1, 9.0))
    )

    page = application(moment).test_client().get("/").text

    assert "2 up to 1m, 1 over 5m" in " ".join(page.split())
    assert 'aria-label="3 met, 1 missed, 0 ended first"' in page
    assert "75.0% met" in page
    assert "below the objective" in page


def test_acknowledgements_beyond_the_last_bound_are_said() -> None:
    """Where they are more than one of ten, no bound takes the other nine."""
    moment = moment_with((Series(Total.TIME_TO_ACK, G), histogram(2, 0, 1, 9.0)))

    page = application(moment).test_client().get("/").text

    assert ack_times(moment).most_within == ""
    assert "<b>3</b> acknowledged, more than one of ten over 5m</p>" in page


def test_without_acknowledgements_or_targets_the_page_says_so() -> None:
    """Empty plots are words."""
    page = application(replace(moment_with(), targets=AckTargets())).test_client().get("/").text

    assert "No acknowledgement was counted yet." in page
    assert "The config has no <code>ack_targets</code>." in page
