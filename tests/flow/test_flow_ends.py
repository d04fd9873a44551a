"""How alerts end, and when that is told."""

from dataclasses import replace

import pytest

from exporter.flow.observations import Total
from exporter.flow.sightings import Outcome
from tests.flow.reading import BORN, LIFE, UNSEEN, ended, latencies, read


def test_recovery_is_no_acknowledgement() -> None:
    """An alert that recovers un-acked has no time to ack, and says so when it ends."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("RECOVER", 50), at=100)

    assert Total.TIME_TO_ACK not in latencies(observations)
    assert ended(observations)[0]["acked"] == "false"


def test_an_acknowledgement_after_the_end_does_not_make_the_end_acked() -> None:
    """An ACK that lost the race against the recovery is timed, but the alert ended un-acked."""
    _, observations = read(UNSEEN, ("CREATE", 0), ("RECOVER", 50), ("ACK", 51), at=100)

    assert ended(observations)[0]["acked"] == "false"
    assert latencies(observations)[Total.TIME_TO_ACK] == 51


def test_the_end_waits_for_late_records() -> None:
    """An ACK whose row comes after the row of the end still makes the end an acknowledged one."""
    known, at_end = read(UNSEEN, ("CREATE", 0), ("RECOVER", 100), at=101)
    settled, after = read(known, ("CREATE", 0), ("ACK", 90), ("RECOVER", 100), at=111)

    assert ended(at_end) == []
    assert (known.is_open, known.rested_at, known.settles_at) == (False, None, BORN + 110)
    assert ended(after)[0]["acked"] == "true"
    assert latencies(after) == {Total.TIME_TO_ACK: 90, Total.TIME_TO_END: 100}
    assert settled.rested_at == BORN + 111


def test_the_earliest_end_wins_also_when_it_comes_late() -> None:
    """A CLOSE that turns out to lie before the RECOVER is how the alert ended."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("RECOVER", 100), at=101)
    known, observations = read(known, ("CREATE", 0), ("CLOSE", 95), ("RECOVER", 100), at=120)

    assert known.outcome is Outcome.CLOSED
    assert latencies(observations) == {Total.TIME_TO_END: 95}


def test_an_end_in_the_future_settles_all_the_same() -> None:
    """A server whose clock or zone is hours ahead does not keep an ended alert from its rest."""
    known, _ = read(UNSEEN, ("CREATE", 0), ("RECOVER", 28_800), at=100)

    assert known.settles_at == BORN + 110


@pytest.mark.parametrize(
    ("operate", "outcome"),
    [
        ("RECOVER", Outcome.RECOVERED),
        ("SYSTEM_RECOVER", Outcome.RECOVERED),
        ("CLOSE", Outcome.CLOSED),
        ("SYSTEM_CLOSE", Outcome.CLOSED),
    ],
)
def test_each_terminal_operate_has_its_outcome(operate: str, outcome: Outcome) -> None:
    """The four ways to end are two outcomes."""
    known, _ = read(UNSEEN, ("CREATE", 0), (operate, 60), at=100)

    assert known.outcome is outcome


def test_without_an_end_an_alert_expires() -> None:
    """An alert that shows no end within max_age rests, is counted as expired, and has no time to end."""
    known, observations = read(UNSEEN, ("CREATE", 0), ("ACK", 5), at=86_400)

    assert known.rested_at == BORN + 86_400
    assert ended(observations)[0]["outcome"] == "expired"
    assert Total.TIME_TO_END not in latencies(observations)


@pytest.mark.parametrize("rows", [LIFE, LIFE[:3]], ids=["ended", "expired"])
def test_an_old_life_is_noted_whole(rows: tuple[tuple[str, float], ...]) -> None:
    """An alert that was over before its counts_from rests without adding anything."""
    old = replace(UNSEEN, counts_from=BORN + 100_000)

    known, observations = read(old, *rows, at=110_000)

    assert observations == ()
    assert known.rested_at is not None
