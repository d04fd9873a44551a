"""Members at desks: pollers of one source that share a ledger in PostgreSQL, divided into four shards."""

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from sqlalchemy import URL

from exporter.blueking import Page
from exporter.flow.records import Log
from exporter.flow.shards import Shards
from exporter.ledger import ShardsLost, Transaction
from exporter.poller.ledger_use import LedgerUse
from exporter.poller.workers import Answer
from tests.e2e.harness import wait_until
from tests.poller.desk import BORN, Desk
from tests.postgresql import Server

SHARDS = Shards(4)
IDS = [f"a{number}" for number in range(40)]
_FILE = "[{files: [watch.yaml]}]"


def shard_of(alert_id: str) -> int:
    """Return the shard of an alert."""
    return SHARDS.of("prod", alert_id)


def of_shards(*shards: int) -> list[str]:
    """Return those of `IDS` that are of these shards."""
    return [alert_id for alert_id in IDS if shard_of(alert_id) in shards]


class Member(Desk):
    """One of several that poll the same source by the same config."""

    def __init__(self, folder: Path, url: URL, watch: str, most_label_sets: int | None) -> None:
        address = url.render_as_string(hide_password=False)
        super().__init__(folder, BORN, watch=watch, most_label_sets=most_label_sets, url=address, shards=SHARDS.number)
        self.share()

    def share(self) -> None:
        """Do what a tick begins with."""
        self.ledger.rebalance(self.ledger.view().told)
        self.poller.share(self.now)
        self.poller.select(self.now)

    def answer_all(self, answers: Mapping[str, Log | Page]) -> bool:
        """Take in answers in one transaction, as the loop does; return whether that was committed."""
        told = [Answer("prod", alert_id, self.now, read) for alert_id, read in answers.items()]

        def fill(tx: Transaction) -> None:
            for answer in told:
                self.poller.answered()
                self.poller.take(answer, tx, self.now)

        is_committed = LedgerUse(self.ledger, lambda: self.now).commits(fill)
        for answer in told:
            conclude = self.poller.reschedule if is_committed else self.poller.postpone
            conclude(answer, self.now)
        return is_committed

    def join(self, *alert_ids: str) -> None:
        """Have alerts join, be it that shards were lost meanwhile."""
        with suppress(ShardsLost):
            self.watch(*alert_ids)

    def shards(self) -> list[int]:
        """Return the shards that are owned."""
        return sorted(self.ledger.owned)


class Members:
    """A database and those who share it."""

    def __init__(self, folder: Path, server: Server, closing: ExitStack) -> None:
        self.folder = folder
        self._server = server
        self._closing = closing
        self._url = server.new_database()

    def come(self, watch: str = _FILE, most_label_sets: int | None = None) -> Member:
        """Return a member that has just started."""
        member = Member(self.folder, self._url, watch, most_label_sets)
        self._closing.callback(member.close)
        return member

    def pair(self, watch: str = _FILE) -> tuple[Member, Member]:
        """Return two members: of the shards 0 and 1, and of 2 and 3."""
        one, two = self.come(watch), self.come(watch)
        balance(one, two)
        return one, two

    def leave(self, member: Member) -> None:
        """Have a member stop; returns when the server has heard of it."""
        before = self._sessions()
        member.close()
        wait_until(lambda: self._sessions() < before, within=30)

    def steal(self, shard: int) -> None:
        """Have somebody else commit in a shard."""
        self._run("UPDATE shards SET commit_id = 'stolen' WHERE shard = :shard", shard=shard)

    def note_read(self, *alert_ids: str) -> None:
        """Have somebody else read alerts."""
        for alert_id in alert_ids:
            self._run("UPDATE alerts SET read_at = :at WHERE alert_id = :id", at=BORN + 5, id=alert_id)

    def alerts_of(self, shard: int) -> list[str]:
        """Return the ids of the alerts that the database has of a shard."""
        rows = self._run("SELECT alert_id FROM alerts WHERE shard = :shard", shard=shard)
        return [str(alert_id) for (alert_id,) in rows]

    def _sessions(self) -> int:
        asked = "SELECT pid FROM pg_stat_activity WHERE datname = :name AND application_name LIKE 'bkmonitor%'"
        return len(self._run(asked, name=self._url.database))

    def _run(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        return self._server.run(str(self._url.database), statement, **values)


def balance(*members: Member) -> None:
    """Have members share until nothing changes any more."""
    for _ in range(3):
        for member in members:
            member.share()


def counted(*members: Member) -> Counter[str]:
    """Return the committed records by operate, of all shards that these members own."""
    return sum((member.records() for member in members), Counter())
