"""The fence: an exporter goes on only from its own last commit, whatever keeps the ledger."""

from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Total
from exporter.ledger import Ledger, LedgerTaken, Series, open_ledger

BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
OTHER_BOUNDS = {**BOUNDS, Total.TIME_TO_ACK: (5.0, 60.0)}
G = make_labels({"source": "prod"})


def count_one(ledger: Ledger) -> None:
    """Commit one record."""
    with ledger.transaction() as tx:
        tx.add([Count(Total.RECORDS, G, 1)])


def test_what_another_one_committed_ends_the_work(url: str) -> None:
    """Should a lock fail, or a backup take the ledger's place: nothing is counted on top, nor told from there."""
    with closing(open_ledger(url, BOUNDS)) as ledger:
        count_one(ledger)
        version = ledger.version
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE shards SET commit_id = 'of another exporter'"))
        engine.dispose()
        for act in (
            lambda: count_one(ledger),
            lambda: ledger.adopt_bounds(OTHER_BOUNDS),
            lambda: ledger.find("prod", ["1"]),
            lambda: ledger.last_read_at("prod"),
            lambda: ledger.forgettable(5.0),
        ):
            with pytest.raises(LedgerTaken, match="another one worked on it meanwhile, or a backup was restored"):
                act()
        assert (ledger.view().bounds, ledger.version) == (BOUNDS, version)

    with closing(open_ledger(url, BOUNDS)) as again:
        assert again.view().totals[Series(Total.RECORDS, G)].values == (1.0,)
        count_one(again)
        assert again.view().totals[Series(Total.RECORDS, G)].values == (2.0,)
