"""What changed lately, against a comparison of all that there is."""

import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import Ledger, View, open_ledger
from exporter.ledger.changes import Recent, differing

LABELS = [make_labels({"source": "prod", "team": team}) for team in "abcdefghijklmnop"]
MAPPINGS = st.dictionaries(st.integers(0, 9), st.sampled_from([(1,), (2,), (3,)]))


@given(st.lists(st.none() | st.sets(st.integers(0, 9)), max_size=12))
def test_what_changed_after_a_version_is_told(steps: list[set[int] | None]) -> None:
    """Whichever version: no key is missing, none is told that did not change, and what changed last stands last."""
    recent: Recent[int] = Recent()
    for version, keys in enumerate(steps, 1):
        if keys is None:
            recent.note_all(version)
        else:
            recent.note(keys, version)

    for before in range(len(steps) + 1):
        later = steps[before:]
        told = recent.since(before)
        if None in later:
            assert told is None
        elif told is not None:
            assert set(told) == set().union(*(keys for keys in later if keys is not None))
            assert set(told[len(told) - len(later[-1] or ()) :]) == (later[-1] or set()) if later else not told


def test_too_many_changes_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is bounded: who is too far behind is told that all may have changed."""
    monkeypatch.setattr("exporter.ledger.changes._KEPT", 3)
    recent: Recent[str] = Recent()
    recent.note("ab", 1)
    recent.note("cd", 2)

    assert recent.since(0) is None
    assert recent.since(1) == ["c", "d"]


@given(MAPPINGS, MAPPINGS)
def test_a_comparison_tells_what_differs(old: dict[int, object], new: dict[int, object]) -> None:
    """By identity, whatever the order."""
    told = differing(old, new)

    assert set(told) == {key for key in old.keys() | new.keys() if old.get(key) is not new.get(key)}
    assert len(told) == len(set(told))
    assert differing(old, old) == []


def commit_anything(ledger: Ledger, pick: random.Random) -> None:
    """Commit changes of some alerts and totals."""
    with ledger.transaction() as tx:
        for number in pick.sample(range(9), pick.randrange(4)):
            rested_at = 2.0 if pick.random() < 0.1 else None
            tx.put(KnownAlert("prod", str(number), LABELS[number], float(pick.randrange(9)), rested_at=rested_at))
        tx.forget({("prod", str(number)) for number in pick.sample(range(9), pick.randrange(2))} - tx.alerts.keys())
        tx.add([Count(Total.RECORDS, pick.choice(LABELS), 1) for _ in range(pick.randrange(3))])
        unrevealed = list(ledger.unrevealed())
        tx.serve(dict.fromkeys(pick.sample(unrevealed, min(len(unrevealed), pick.randrange(2))), 5.0))
        tx.reveal(pick.sample(unrevealed, min(len(unrevealed), pick.randrange(2))))


def tells_all_changes(after: View, before: View) -> bool:
    """Return whether a view tells all that is otherwise than in an earlier one."""
    totals, alerts = differing(before.totals, after.totals), differing(before.alerts, after.alerts)
    return set(totals) <= set(after.changed_totals(before)) and set(alerts) <= set(after.changed_alerts(before))


@pytest.mark.parametrize("seed", range(5))
def test_views_of_a_ledger_tell_all_changes(tmp_path: Path, seed: int) -> None:
    """From any view to any later one."""
    pick = random.Random(seed)
    with closing(open_ledger(f"sqlite:///{tmp_path}/flow.db", {})) as ledger:
        views = [ledger.view()]
        told_few = False
        for _ in range(40):
            commit_anything(ledger, pick)
            if pick.random() < 0.7:
                view = ledger.view()
                assert all(tells_all_changes(view, before) for before in views)
                told_few |= len(view.changed_alerts(views[-1])) < len(view.alerts)
                views.append(view)

    assert told_few
