"""One alert changes: the CPU from its commit to the body that tells it, with many open alerts and with few."""

import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry

from bench.open_alerts import ALERTS, write_config, write_ledger
from bench.timing import Comparison, Quantity
from exporter.config import load_config
from exporter.ledger import Ledger, open_ledger
from exporter.metrics import Form, Format, Moment, Renderer, SourceState
from exporter.service import bounds

_FEW = 1_000
_CHANGES = 50
_FORM = Form(Format.OPENMETRICS, is_gzipped=True)


def run() -> Iterator[Comparison]:
    """Yield the comparison."""
    many, few = _measure(ALERTS), _measure(_FEW)
    what = "CPU from the commit of one alert's change to the compressed body"
    yield Comparison(f"{what}: {ALERTS:,} alerts / {_FEW:,}", many, few)


def _measure(alerts: int) -> Quantity:
    with tempfile.TemporaryDirectory() as name:
        config = write_config(Path(name), own_label_sets=False)
        write_ledger(config, time.time(), alerts=alerts, own_label_sets=False)
        settings = load_config(config, {})
        with closing(open_ledger(settings.ledger.url, bounds(settings.histograms, settings.ack_targets))) as ledger:
            return Quantity(median(_changes(ledger)), "s")


def _changes(ledger: Ledger) -> Iterator[float]:
    """Yield the CPU seconds of one change after the other, each of another alert."""
    state = SourceState("prod", True, True, "", None, 0.0, {}, None)
    watched = frozenset(ledger.view().alerts)
    renderer = Renderer(CollectorRegistry())

    def body() -> bytes:
        moment = Moment(time.time(), ledger.view(), watched, (state,), 60.0, alert_series=ALERTS)
        return renderer.render(moment).body(_FORM)

    last = body()
    gc.collect()
    gc.freeze()  # as after a start
    for source, alert_id in sorted(watched)[:: len(watched) // _CHANGES][:_CHANGES]:
        known = ledger.get(source, alert_id)
        if known is None:
            raise RuntimeError(f"{alert_id} is not in the ledger")
        started = time.process_time()
        with ledger.transaction() as tx:
            tx.put(replace(known, anomaly_count=(known.anomaly_count or 0) + 1))
        new = body()
        yield time.process_time() - started
        if new == last:
            raise RuntimeError("the body does not tell the change")
        last = new
