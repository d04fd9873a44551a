"""The fence around a ledger: only who made the last commit may make the next, and each commit happens once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from sqlalchemy import Connection, select, update

from exporter.ledger import schema
from exporter.ledger.database import Database
from exporter.ledger.errors import CommitFailed, LedgerError, LedgerTaken


class FencedDatabase:
    """A held database in which each commit leaves an id of its own, in place of that of the one before.

    By it one sees whether a commit happened of which no answer came, and whether anybody else, or a backup that was
    restored, came between. All that asks the database raises `LedgerTaken` then.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.upsert = database.upsert
        self._last = ""
        self._pending: tuple[str, Callable[[], None]] | None = None

    @contextmanager
    def claim(self) -> Iterator[Connection]:
        """Give the first transaction, with which whoever worked on the ledger before is out. Raises `LedgerError`."""
        with self._database.begin() as connection:
            self._last = uuid4().hex
            connection.execute(update(schema.ledger).values(commit_id=self._last))
            yield connection

    @contextmanager
    def begin(self, error_type: type[LedgerError] = LedgerError) -> Iterator[Connection]:
        """Give a transaction to read by, once it is clear what became of the last commit. Raises `error_type`."""
        with self._database.begin(error_type) as connection:
            self._check(connection)
            yield connection

    def commit(self, change: Callable[[Connection], Callable[[], None]]) -> None:
        """Commit what `change` writes; then do what it returned, be it as late as by the next `begin` or `settle`.

        Raises `CommitFailed` where that was not committed, or where nobody can tell yet whether it was.
        """
        try:
            with self.begin(CommitFailed) as connection:
                self._pass_on(connection, change(connection))
        except CommitFailed:
            if self._pending is None or not self._happened(self._pending[0]):
                raise
        else:
            self._committed()

    def settle(self) -> None:
        """Find out what became of a commit of which no answer came. Raises `CommitFailed` while nobody can tell."""
        if self._pending is not None:
            with self.begin(CommitFailed):
                pass

    def close(self) -> None:
        """End the use of the database, so that another exporter may take it."""
        self._database.close()

    def _happened(self, commit_id: str) -> bool:
        with suppress(CommitFailed):  # the error that brought us here tells more
            self.settle()
        return self._last == commit_id

    def _check(self, connection: Connection) -> None:
        found = connection.execute(select(schema.ledger.c.commit_id)).scalar_one()
        if self._pending is not None and found == self._pending[0]:
            self._committed()
        elif found != self._last:
            raise self._taken()
        self._pending = None

    def _pass_on(self, connection: Connection, then: Callable[[], None]) -> None:
        """Write the id of the commit that is about to happen; from here on only the database knows whether it did."""
        commit_id = uuid4().hex
        ours = schema.ledger.c.commit_id == self._last
        written = connection.execute(update(schema.ledger).where(ours).values(commit_id=commit_id))
        if written.rowcount != 1:
            raise self._taken()
        self._pending = (commit_id, then)

    def _committed(self) -> None:
        if self._pending is not None:
            (self._last, then), self._pending = self._pending, None
            then()

    def _taken(self) -> LedgerTaken:
        return LedgerTaken(
            f"{self._database.where}: not as this exporter left it: another one worked on it meanwhile, or a backup "
            "was restored; see that no other runs on it, and start this one again: it goes on from what is there"
        )
