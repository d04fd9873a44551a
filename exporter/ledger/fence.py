"""The fence around a ledger: only who made the last commit in a shard may make the next, and each happens once."""

from collections.abc import Callable, Collection, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Select, select, update

from exporter.flow.shards import Shards
from exporter.ledger import schema
from exporter.ledger.database import Database
from exporter.ledger.errors import CommitFailed, LedgerError, LedgerTaken, ShardsLost
from exporter.ledger.members import Members


class Taken(NamedTuple):
    """The transaction that takes shards, which ones, and those among them that whoever had them handed over."""

    connection: Connection
    shards: frozenset[int]
    handed_over: frozenset[int]


class FencedDatabase:
    """A database in which each commit leaves an id of its own in all shards that are held, in place of the one before.

    By it one sees whether a commit happened of which no answer came, and whether anybody else, or a backup that was
    restored, came between. A shard of which that is so is held no more, and `drop` is told; who holds the only shard
    that there is gets `LedgerTaken` then, and so does whoever finds a ledger of another version, or divided otherwise.
    """

    def __init__(self, database: Database, shards: Shards, drop: Callable[[frozenset[int]], None]) -> None:
        self._database = database
        self._shards = shards
        self._drop = drop
        self.upsert = database.upsert
        self._held: frozenset[int] = frozenset()
        self._left: dict[int, str] = {}  # the id under which each of those was left that are not handed over yet
        self._last = uuid4().hex
        self._pending: tuple[str, Callable[[], None]] | None = None

    @contextmanager
    def take(self, shards: Iterable[int], number: int) -> Iterator[Taken]:
        """Give a transaction with which up to `number` of these shards are this process's, the first that nobody has.

        They are held once it is committed; whoever held them before is out. Raises `LedgerError`.
        """
        table, held = schema.shards, self._held
        with self.begin() as connection:
            taken = self._database.lock(connection, shards, number if self._held == held else 0)
            chosen = table.c.shard.in_(taken)
            rows = connection.execute(select(table).where(chosen).order_by(table.c.shard).with_for_update()).all()
            connection.execute(update(table).where(chosen).values(commit_id=self._last))
            yield Taken(connection, taken, frozenset(row.shard for row in rows if row.commit_id == schema.FREE))
        self._held |= taken

    def leave(self, shards: Collection[int]) -> None:
        """Hold these shards no more; nothing is committed in them from here on."""
        self._held -= frozenset(shards)
        self._left |= dict.fromkeys(shards, self._last)

    def hand_over(self, shards: Set[int], untold: Set[int]) -> None:
        """Let others take these shards, which were left; `untold` ones may be told at once. Raises `LedgerError`."""
        table = schema.shards
        with self._database.begin() as connection:
            for shard in shards & untold:
                ours = (table.c.shard == shard) & (table.c.commit_id == self._left[shard])
                connection.execute(update(table).where(ours).values(commit_id=schema.FREE))
            self._database.keep_locked(connection, self._held | (self._left.keys() - shards))
        for shard in shards:
            del self._left[shard]

    @contextmanager
    def begin(self, error_type: type[LedgerError] = LedgerError) -> Iterator[Connection]:
        """Give a transaction to read by, once it is clear what became of the last commit. Raises `error_type`."""
        with self._database.begin(error_type) as connection:
            self._check(connection)
            yield connection

    def commit(self, change: Callable[[Connection], Callable[[], None]]) -> None:
        """Commit what `change` writes; then do what it returned, be it as late as by the next `begin` or `settle`.

        Raises `CommitFailed` where that was not committed, or where nobody can tell yet whether it was; `ShardsLost`
        where a shard was found to be somebody else's: then nothing was written.
        """
        held = self._held
        try:
            with self.begin(CommitFailed) as connection:
                if self._held != held:
                    raise self.not_ours()
                self._pass_on(connection, change(connection))
        except CommitFailed:
            if self._pending is None or not self._happened(self._pending[0]):
                raise
        else:
            self._committed()

    def members(self, connection: Connection) -> Members:
        """Return who shares the database now."""
        return self._database.members(connection)

    def settle(self) -> None:
        """Find out what became of a commit of which no answer came. Raises `CommitFailed` while nobody can tell."""
        if self._pending is not None:
            with self.begin(CommitFailed):
                pass

    def not_ours(self) -> LedgerTaken | ShardsLost:
        """Return the error of who was to have shards and finds that they are somebody else's."""
        if self._shards.number == 1:
            return self._taken("not as this exporter left it")
        return ShardsLost(f"{self._database.where}: other members have shards that were this one's")

    def close(self) -> None:
        """End the use of the database, so that another exporter may take it."""
        self._database.close()

    def _happened(self, commit_id: str) -> bool:
        with suppress(CommitFailed):  # the error that brought us here tells more
            self.settle()
        return self._last == commit_id

    def _check(self, connection: Connection) -> None:
        locked = self._database.keep_locked(connection, self._held | self._left.keys())
        told = connection.execute(_state_of(self._held)).all()
        self._refuse_other_tables(told[0].schema_version, told[0].shards)
        ids = {row.shard: row.commit_id for row in told}
        if self._pending is not None and self._pending[0] in ids.values():
            self._committed()
        self._pending = None
        lost = frozenset(shard for shard in self._held if ids.get(shard) != self._last or shard not in locked)
        if not lost:
            return
        if self._shards.number == 1:
            raise self.not_ours()
        self._held -= lost
        self._drop(lost)

    def _refuse_other_tables(self, version: int, number: int) -> None:
        if version != schema.VERSION:
            raise self._taken(f"of schema version {version} now")
        if number != self._shards.number:
            raise self._taken(f"divided into {number} shards now")

    def _pass_on(self, connection: Connection, then: Callable[[], None]) -> None:
        """Write the id of the commit that is about to happen; from here on only the database knows whether it did."""
        commit_id = uuid4().hex
        ours = schema.shards.c.shard.in_(self._held) & (schema.shards.c.commit_id == self._last)
        written = connection.execute(update(schema.shards).where(ours).values(commit_id=commit_id))
        if written.rowcount != len(self._held):
            raise self.not_ours()
        self._pending = (commit_id, then)

    def _committed(self) -> None:
        if self._pending is not None:
            (self._last, then), self._pending = self._pending, None
            then()

    def _taken(self, how: str) -> LedgerTaken:
        return LedgerTaken(
            f"{self._database.where}: {how}: another one worked on it meanwhile, or a backup "
            "was restored; see that no other runs on it, and start this one again: it goes on from what is there"
        )


def _state_of(held: Collection[int]) -> Select[tuple[int, int, int, str]]:
    """Return what tells version and number of shards, and the ids in those that are held; no upgrade comes between."""
    ledger, shards = schema.ledger, schema.shards
    told = select(ledger.c.schema_version, ledger.c.shards, shards.c.shard, shards.c.commit_id)
    joined = told.select_from(ledger.outerjoin(shards, shards.c.shard.in_(held)))
    return joined.with_for_update(read=True, of=ledger)
