"""What docs/operations.md says of backups: made while the exporter runs, and whole."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Total
from exporter.ledger import Ledger, open_ledger

OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
BOUNDS = {Total.TIME_TO_ACK: (60.0,), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (60.0,)}
ALERT = KnownAlert("prod", "170000000000042", make_labels({"source": "prod"}), first_seen_at=1.0)


def ledger_at(path: Path) -> Ledger:
    """Open a ledger as the exporter does."""
    return open_ledger(f"sqlite:///{path}", BOUNDS)


@pytest.mark.parametrize("statement", re.findall(r"execute\('(VACUUM INTO \?)'", OPERATIONS))
def test_a_backup_made_beside_a_running_exporter_is_a_ledger(statement: str, tmp_path: Path) -> None:
    """The copy that the documents advise has what was committed last, and the exporter starts on it."""
    live, copy = tmp_path / "bkmonitor-flow.db", tmp_path / "backup.db"
    with closing(ledger_at(live)) as ledger:
        with ledger.transaction() as tx:
            tx.put(ALERT)
        with closing(sqlite3.connect(live)) as beside:
            beside.execute(statement, (str(copy),))
        with ledger.transaction() as tx:
            tx.put(KnownAlert("prod", "170000000000043", make_labels({"source": "prod"}), first_seen_at=2.0))

    with closing(ledger_at(copy)) as restored:
        assert [known.alert_id for known in restored.unrested("prod")] == [ALERT.alert_id]


def test_the_documents_advise_that_copy() -> None:
    """Both ways that are named make it: by sqlite3 on the machine, and by Python in the image."""
    assert len(re.findall("VACUUM INTO", OPERATIONS)) == 2
