"""`explain` with shards: an alert tells its own, known to the ledger or not."""

import json
import time
from contextlib import closing
from pathlib import Path

from exporter.config import load_config
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.shards import Shards
from exporter.ledger import open_ledger
from exporter.service import bounds
from exporter.simulator import Simulator, SimulatorSettings, life_of
from tests.cli.explaining import ALERT_ID, ROWS, SECRET, run, write_config
from tests.postgresql import running_server

SHARDS = Shards(8)
SHARD = SHARDS.of("s0", ALERT_ID)


def told(config: Path) -> tuple[str, set[str], bool | None]:
    """Return the alert's shard, those of the series that its records add to, and whether ledger and log agree."""
    result = run(config, "--output=json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    added = {adds["labels"]["shard"] for step in document["log"]["flow"] for adds in step["adds"]}
    comparison = document["comparison"]
    return document["labels"]["shard"], added, None if comparison is None else comparison["agrees"]


def test_an_alert_tells_its_shard(tmp_path: Path) -> None:
    """Whoever polls it; what the ledger knows is found beside all members."""
    with (
        Simulator(SimulatorSettings(app_secret=SECRET), lives=[life_of(ALERT_ID, ROWS)]) as simulator,
        running_server() as server,
    ):
        config = write_config(tmp_path, simulator.url)
        url = server.new_database().render_as_string(hide_password=False)
        config.write_text(json.dumps(json.loads(config.read_text()) | {"ledger": {"url": url}, "shards": 8}))
        assert told(config) == (str(SHARD), {str(SHARD)}, None)

        settings = load_config(config, {})
        labels = make_labels({"source": "s0", "shard": str(SHARD)})
        with closing(open_ledger(url, bounds(settings.histograms, settings.ack_targets), shards=8)) as ledger:
            with ledger.transaction() as tx:
                tx.put(KnownAlert("s0", ALERT_ID, labels, first_seen_at=time.time()))
            assert told(config) == (str(SHARD), {str(SHARD)}, False)
