"""What goes through the turnstile, and when."""

from exporter.config import RateLimitSettings
from exporter.poller.turnstile import Turnstile


def make_turnstile() -> Turnstile:
    """Return one with room for many."""
    return Turnstile(RateLimitSettings(requests_per_second=100.0, burst=100, concurrency=10), lambda _: None, 0.0)


def passing(turnstile: Turnstile, now: float) -> list[str]:
    """Return what goes through now."""
    keys = []
    while (key := turnstile.pass_on(now, paused_until=0.0, at_most=None)) is not None:
        keys.append(key)
    return keys


def test_nothing_goes_through_twice_at_the_same_time() -> None:
    """What becomes due while it is under way waits until it is back; two answers of one alert would count twice."""
    turnstile = make_turnstile()
    turnstile.put("1", 0.0)
    assert passing(turnstile, 0.0) == ["1"]

    turnstile.put("1", 1.0)
    assert passing(turnstile, 5.0) == []

    assert turnstile.come_back("1", 5.0) == 0.0
    turnstile.put("1", 600.0)
    assert passing(turnstile, 5.0) == ["1"]


def test_of_many_that_become_due_those_under_way_wait() -> None:
    """One that becomes due while it is under way is due again once it is back, at the earlier time; the others pass."""
    turnstile = make_turnstile()
    turnstile.put_all({"1": 0.0, "2": 9.0})
    assert passing(turnstile, 0.0) == ["1"]

    turnstile.put_all({"1": 3.0, "2": 2.0, "3": 1.0})
    assert passing(turnstile, 5.0) == ["3", "2"]

    turnstile.come_back("1", 5.0)
    turnstile.put_all({"1": 600.0, "4": 4.0})
    assert passing(turnstile, 5.0) == ["1", "4"]


def test_an_answer_frees_its_slot_before_it_is_dealt_with() -> None:
    """While answers wait for their commit, the source is asked on, but never again for the same alert."""
    turnstile = Turnstile(RateLimitSettings(requests_per_second=100.0, burst=100, concurrency=1), lambda _: None, 0.0)
    turnstile.put("1", 0.0)
    turnstile.put("2", 0.0)
    assert passing(turnstile, 0.0) == ["1"]
    assert turnstile.wakes_at(0.0, paused_until=0.0, at_most=None) is None

    turnstile.answered()
    turnstile.put("1", 0.0)
    assert passing(turnstile, 0.0) == ["2"]


def test_what_comes_back_is_due_when_it_says() -> None:
    """Without news in between, the next time is the one that is set."""
    turnstile = make_turnstile()
    turnstile.put("1", 0.0)
    passing(turnstile, 0.0)
    turnstile.come_back("1", 5.0)
    turnstile.put("1", 600.0)

    assert passing(turnstile, 599.0) == []
    assert passing(turnstile, 600.0) == ["1"]


def test_what_was_dropped_meanwhile_is_not_due_again() -> None:
    """An alert that left while it was asked about stays away."""
    turnstile = make_turnstile()
    turnstile.put("1", 0.0)
    passing(turnstile, 0.0)
    turnstile.put("1", 1.0)
    turnstile.drop("1")
    turnstile.come_back("1", 2.0)

    assert passing(turnstile, 100.0) == []


def test_what_is_forsaken_is_so_until_it_is_back() -> None:
    """Be it due again meanwhile; what is not under way has no answer to forsake."""
    turnstile = make_turnstile()
    turnstile.put("1", 0.0)
    turnstile.put("2", 0.0)
    turnstile.put("3", 9.0)
    passing(turnstile, 0.0)

    turnstile.forsake(lambda key: key in ("1", "3"))
    turnstile.put("1", 0.0)

    assert [turnstile.is_forsaken(key) for key in ("1", "2", "3")] == [True, False, False]
    turnstile.come_back("1", 5.0)
    turnstile.put("1", 5.0)
    assert passing(turnstile, 5.0) == ["1"]
    assert not turnstile.is_forsaken("1")


def test_what_is_recalled_is_asked_again_and_no_more_forsaken() -> None:
    """No answer from before will come: the next one is of the new question."""
    turnstile = make_turnstile()
    turnstile.put("1", 0.0)
    passing(turnstile, 0.0)
    turnstile.forsake(lambda _key: True)

    turnstile.recall()

    assert passing(turnstile, 0.0) == ["1"]
    assert not turnstile.is_forsaken("1")
