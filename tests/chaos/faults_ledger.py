"""Faults of the ledger: it is out of reach for a while, or damaged, or lost."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

from tests.chaos.fault import Fault, Strike
from tests.chaos.stage import Breach, Stage
from tests.e2e.ledger_troubles import Trouble, disk_full, locked, moved_away, write_limited

_IN_TROUBLE = "ledger is in trouble"
_REFUSED_WITHIN = 20.0
_PAGE = 4096


def _in(trouble: Trouble) -> Strike:
    @contextmanager
    def strike(stage: Stage, _chance: Random) -> Iterator[None]:
        with trouble(stage.exporter, stage.ledger):
            yield

    return strike


@contextmanager
def _full(stage: Stage, _chance: Random) -> Iterator[None]:
    _empty_log(stage.ledger)
    with (disk_full if stage.has_small_disk else write_limited)(stage.exporter, stage.ledger):
        yield


@contextmanager
def _replaced(stage: Stage, _chance: Random) -> Iterator[None]:
    """Put a copy into its place while it is in use; the next process goes on from that."""
    copy = stage.folder / "disk" / "copy.db"
    stage.back_up(copy)
    copy.replace(stage.ledger)
    yield
    stage.stop()
    for suffix in ("-wal", "-shm"):
        Path(f"{stage.ledger}{suffix}").unlink(missing_ok=True)
    stage.start()


@contextmanager
def _damaged(stage: Stage, chance: Random) -> Iterator[None]:
    """Damage it while the exporter is down; it refuses the file, leaves it as it is, and takes a backup."""
    backup = stage.folder / "backup.db"
    stage.back_up(backup)
    stage.pass_until(stage.now() + chance.uniform(0.5, 1.5))
    stage.kill()
    _empty_log(stage.ledger)
    chance.choice((_cut_off, _overwritten, _beheaded))(stage.ledger)
    damaged = _digest(stage.ledger)
    stage.start(wait=False)
    if (code := stage.expect_end(_REFUSED_WITHIN)) != 1:
        raise Breach(f"on a damaged ledger it ended with {code}")
    if _digest(stage.ledger) != damaged:
        raise Breach("a damaged ledger was written to")
    yield
    stage.restore(backup)
    stage.start()


@contextmanager
def _lost(stage: Stage, _chance: Random) -> Iterator[None]:
    """Have it gone at a start; what is open or listed counts anew, all else is gone."""
    stage.kill()
    stage.remove_ledger()
    yield
    stage.lose_counts()
    stage.start()


def _empty_log(ledger: Path) -> None:
    """Have all that is committed in the file itself, and no room for more in the write-ahead log."""
    with closing(sqlite3.connect(ledger)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _cut_off(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.truncate(ledger.stat().st_size // 2)


def _overwritten(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.seek(_PAGE)
        file.write(b"\xff" * (ledger.stat().st_size - _PAGE))


def _beheaded(ledger: Path) -> None:
    with ledger.open("r+b") as file:
        file.write(b"\0" * 100)


def _digest(ledger: Path) -> bytes:
    return hashlib.sha256(ledger.read_bytes()).digest()


FAULTS = (
    Fault("ledger-locked", "another program holds the ledger", _in(locked), tells=_IN_TROUBLE),
    Fault("ledger-moved-away", "the ledger is gone for a while", _in(moved_away), tells=_IN_TROUBLE),
    Fault("disk-full", "the disk is full", _full, tells=_IN_TROUBLE),
    Fault("ledger-replaced", "a copy takes the place of the ledger", _replaced, tells="removed or replaced"),
    Fault(
        "ledger-damaged",
        "the ledger is damaged, then restored from a backup",
        _damaged,
        tells="nothing was overwritten",
    ),
    Fault("ledger-lost", "the ledger is lost", _lost, tells="baseline complete"),
)
