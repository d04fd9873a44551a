"""Chaos in short: a few faults of a fixed seed, and that a wrong count would be found."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.chaos.__main__ import main
from tests.chaos.campaign import FAULTS, plan, run
from tests.chaos.days import LIVE
from tests.chaos.fault import Fault
from tests.chaos.stage import Stage
from tests.e2e.harness import wait_until

SEED = 20260329
MIXED = ("kill-before-a-commit", "half-open", "disk-full")
SINGLE = ("no-descriptors", "clock-behind", "autumn-back")


def tell(line: str) -> None:
    """Show how a day went, where the test fails."""
    print(line)  # noqa: T201


def test_a_seed_means_one_plan() -> None:
    """The same seed plans the same days, another one others."""
    faults = list(FAULTS.values())

    assert plan(1, faults, 100) == plan(1, faults, 100)
    assert plan(1, faults, 100) != plan(2, faults, 100)


@pytest.mark.parametrize("seed", range(20))
def test_each_fault_strikes_before_any_does_again(seed: int) -> None:
    """All are there once, in the order of time; a change of clocks lies within its day."""
    days = plan(seed, list(FAULTS.values()), len(FAULTS))

    assert {day.fault.name for day in days} == FAULTS.keys()
    assert sorted(day.begins_at for day in days) == [day.begins_at for day in days]
    changes = {day.fault.name: day.fault.change_at - day.begins_at for day in days if day.fault.change_at is not None}
    assert changes == {"spring-forward": LIVE // 2, "autumn-back": LIVE // 2}


def test_totals_equal_the_truth_after_each_of_some_faults(tmp_path: Path) -> None:
    """A kill between writing and committing, dead connections and a full disk, hours apart, cost no count."""
    run(plan(SEED, [FAULTS[name] for name in MIXED], len(MIXED)), tmp_path, tell)


@pytest.mark.parametrize("name", SINGLE)
def test_totals_equal_the_truth_after_a_fault(name: str, tmp_path: Path) -> None:
    """One fault, one day."""
    run(plan(SEED, [FAULTS[name]], 1), tmp_path, tell)


@contextmanager
def one_too_many(stage: Stage, _chance: Random) -> Iterator[None]:
    """Have the ledger count what never was."""
    yield
    wait_until(lambda: any(name == "bkmonitor_flow_records_total" for name, _ in stage.told()), within=30)
    stage.stop()
    with closing(sqlite3.connect(stage.ledger)) as ledger:
        ledger.execute("UPDATE cells SET value = value + 1 WHERE value > 0")
        ledger.commit()
    stage.start()


def test_a_wrong_count_ends_it_and_tells_how_to_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts too many are a breach; the exit code is 1, log and ledger are kept, the last line repeats all."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setitem(FAULTS, "one-too-many", Fault("one-too-many", "the ledger is wrong", one_too_many))

    assert main(["--seed", "7", "--faults", "one-too-many"]) == 1

    told = capsys.readouterr().out
    first, *_, last = told.splitlines()
    assert "one-too-many" in told
    assert "totals differ from the truth" in told
    assert last == f"again: {first}"
    assert first.startswith("python -m tests.chaos --seed 7 ")
    (kept,) = tmp_path.iterdir()
    assert {"config.yaml", "flow.db", "log"} <= {file.name for file in kept.iterdir()}


def test_an_unknown_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage ends with 2 and tells what there is to do."""
    with pytest.raises(SystemExit) as ended:
        main(["--faults", "disk-full,locusts"])

    assert ended.value.code == 2
    assert "no fault locusts; --list prints them" in capsys.readouterr().err
