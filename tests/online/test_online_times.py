"""Whether a source's times fit: the configured time zone, and this machine's clock."""

import pytest

from exporter.online import Verdict
from exporter.simulator import Row, life_of
from tests.online.sources import CREATED, IDS, NOW, Start, checked, make_lives, make_source

HOUR = 3600


@pytest.mark.parametrize("dialect", ["documented", "today"])
def test_a_server_in_another_zone_fails_with_the_zone_that_is_right(start: Start, dialect: str) -> None:
    """CREATE less the id tells the difference, and so the server's zone."""
    source = make_source(start(dialect=dialect, timezone="UTC").url)

    check = checked(source)["time zone"]

    assert check.verdict is Verdict.FAILED
    assert check.found == (
        "Asia/Shanghai: CREATE lies 8 h before the creation that the id tells (median of 5 alert(s))"
    )
    assert check.advice == ("timezone is that of the server process: UTC or Europe/London would be right",)


@pytest.mark.parametrize(
    ("actual", "difference", "advice"),
    [
        ("Asia/Shanghai", "8 h after", "Asia/Shanghai would be right"),
        ("Asia/Kolkata", "5.5 h after", "Asia/Kolkata would be right"),
        ("America/New_York", "5 h before", "America/New_York would be right"),
        ("Asia/Kathmandu", "5.75 h after", "set the one that makes up for this difference"),
    ],
)
def test_the_zone_is_found_where_it_is_a_likely_one(start: Start, actual: str, difference: str, advice: str) -> None:
    """Of a zone that is on no list the difference is told."""
    check = checked(make_source(start(timezone=actual).url, timezone="UTC"))["time zone"]

    assert f"UTC: CREATE lies {difference} the creation" in check.found
    assert check.advice[0].endswith(advice)


def test_a_few_seconds_are_no_time_zone(start: Start) -> None:
    """A CREATE record is written a little later than the id is drawn."""
    lives = [life_of(alert_id, [Row(int(alert_id[:10]) + 3, "CREATE")]) for alert_id in IDS]

    check = checked(make_source(start(lives).url))["time zone"]

    assert check.verdict is Verdict.OK
    assert check.found == ("Asia/Shanghai: CREATE is +3 s from the creation that the id tells (median of 5 alert(s))")


def test_one_odd_alert_is_no_time_zone(start: Start) -> None:
    """The median of several alerts decides."""
    odd = life_of(IDS[5], [Row(CREATED - 8 * HOUR, "CREATE")])

    assert checked(make_source(start([*make_lives(IDS[:5]), odd]).url))["time zone"].verdict is Verdict.OK


def test_ids_that_hold_no_time_are_no_time_zone(start: Start) -> None:
    """A difference of years is none between zones: ids were numbered otherwise once, as in the documents' sample."""
    lives = [life_of(IDS[0], [Row(CREATED - 700 * 24 * HOUR, "CREATE")])]

    check = checked(make_source(start(lives).url, {"alerts": [IDS[0]]}))["time zone"]

    assert check.verdict is Verdict.WARNING
    assert "leave timezone as it is" in check.advice[0]


def test_without_a_creation_the_zone_is_not_checked(start: Start) -> None:
    """A migrated alert has no rows."""
    check = checked(make_source(start([life_of(IDS[0], [])]).url))["time zone"]

    assert check.verdict is Verdict.NOT_CHECKED
    assert check.found.startswith("Asia/Shanghai: no log was read with a creation")


def test_an_alert_from_the_future_means_that_our_clock_is_behind(start: Start) -> None:
    """What the source updated cannot lie ahead of a clock that is right."""
    check = checked(make_source(start().url), now=NOW - HOUR)["clock"]

    assert check.verdict is Verdict.WARNING
    assert check.found.startswith("the newest alert was updated ")
    assert check.advice == ("this machine's clock is behind: set it, best by NTP",)


def test_a_clock_within_five_minutes_passes(start: Start) -> None:
    """A little lead is the way from the server to us."""
    created = life_of(f"{int(NOW)}00001", [Row(int(NOW), "CREATE")])

    assert checked(make_source(start([created]).url), now=NOW - 299)["clock"].verdict is Verdict.OK


def test_without_a_search_the_clock_is_not_checked(start: Start) -> None:
    """Only search answers tell times that are the same in every zone."""
    check = checked(make_source(start().url, {"alerts": [IDS[0]]}))["clock"]

    assert (check.verdict, check.advice) == (Verdict.NOT_CHECKED, ())
