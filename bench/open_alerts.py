"""A ledger with many open alerts, as searches and logs would have filled it, and the config that goes with it."""

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from exporter.blueking.pages import read_page
from exporter.config import load_config
from exporter.flow.advance import Policy, advance
from exporter.flow.known import KnownAlert
from exporter.flow.observations import Observations
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Sighting
from exporter.ledger import open_ledger
from exporter.service import bounds
from exporter.service.sources import ack_targets
from exporter.watch import SearchWatch, search_watches

ALERTS = 100_000
OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip"}
"""How Prometheus asks for a scrape."""
_PER_COMMIT = 5_000
_PER_PAGE = 500
_BUSINESSES = 20
_STRATEGIES = 400
_ACKED_OF = 3  # of so many alerts, one is acknowledged
_ENTRIES = ("CREATE", "CONVERGE", "CONVERGE", "ANOMALY_NOTICE", "ACTION")

# Nobody listens there: the exporter goes on telling what it knows, and asks in vain.
_CONFIG = """\
sources:
  - name: prod
    url: http://127.0.0.1:9
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    watch: [{{search: {{bk_biz_ids: [-1], severity: [1, 2]}}, labels: {{team: payments}}}}]
labels: {labels}
ack_targets:
  - {{match: {{severity: fatal}}, within: 5m, objective: 0.99}}
ledger: {{url: "sqlite:///{folder}/flow.db"}}
limits: {{alert_series: 100000, label_sets: 100000}}
"""


def write_config(folder: Path, *, own_label_sets: bool) -> Path:
    """Write a config with the limits raised; either each alert has a label set of its own, or they share 60."""
    path = folder / "config.yaml"
    labels = "[bk_biz_id, severity, strategy_name]" if own_label_sets else "[bk_biz_id, severity]"
    path.write_text(_CONFIG.format(folder=folder, labels=labels))
    return path


def write_ledger(config: Path, now: float, *, alerts: int = ALERTS, own_label_sets: bool) -> Path:
    """Write the ledger that a config names, with so many open alerts at `now` (unix seconds); return its path."""
    settings = load_config(config, {})
    (source,) = settings.sources
    (watch,) = search_watches(source.name, source.watch, settings.labels)
    targets, limits = ack_targets(settings), bounds(settings.histograms, settings.ack_targets)
    with closing(open_ledger(settings.ledger.url, limits)) as ledger:
        known = (
            _read(sighting, watch, targets.within(watch.labels(sighting)), now)
            for sighting in sightings(alerts, now, own_label_sets=own_label_sets)
        )
        while batch := list(islice(known, _PER_COMMIT)):
            with ledger.transaction() as tx:
                for alert, observations in batch:
                    tx.put(alert)
                    tx.add(observations)
        with ledger.transaction() as tx:
            tx.complete_baseline(source.name, now)
            tx.good_cycle(source.name, watch.name, now)
    return config.with_name("flow.db")


def sightings(alerts: int, now: float, *, own_label_sets: bool) -> Iterator[Sighting]:
    """Yield so many open alerts as pages of a search would tell them."""
    for start in range(0, alerts, _PER_PAGE):
        numbers = range(start, min(alerts, start + _PER_PAGE))
        rows = [_row(number, now, own_label_sets=own_label_sets) for number in numbers]
        yield from read_page({"result": True, "code": 200, "data": {"alerts": rows, "total": alerts}}).sightings


def told_alerts(exposition: str) -> int:
    """Return how many open alerts a scrape tells; raises ValueError where its families tell different numbers."""
    counts = re.findall(r"^bkmonitor_flow_open_alerts\{.*\} (\d+)", exposition, flags=re.MULTILINE)
    named = len(re.findall(r"^bkmonitor_flow_alert_info\{", exposition, flags=re.MULTILINE))
    if sum(map(int, counts)) != named:
        raise ValueError(f"open_alerts tells {sum(map(int, counts))} alerts, alert_info {named}")
    return named


def _row(number: int, now: float, *, own_label_sets: bool) -> dict[str, object]:
    created_at = int(now) - 3600 - number % 86_400
    strategy = number if own_label_sets else number % _STRATEGIES
    return {
        "id": f"{created_at}{number:07d}",
        "alert_name": f"磁盘使用率 {strategy}",
        "status": "ABNORMAL",
        "severity": 1 + strategy % 3,
        "bk_biz_id": 1 + strategy % _BUSINESSES,
        "bk_biz_name": f"demo {1 + strategy % _BUSINESSES}",
        "strategy_id": 1000 + strategy,
        "strategy_name": f"disk usage {strategy}",
        "category": "os",
        "is_ack": number % _ACKED_OF == 0,
        "is_shielded": False,
        "create_time": created_at,
        "begin_time": created_at,
        "end_time": None,
        "update_time": int(now) - number % 60,
    }


def _read(
    sighting: Sighting, watch: SearchWatch, ack_target: float | None, now: float
) -> tuple[KnownAlert, Observations]:
    created_at = sighting.created_at or now
    known = KnownAlert(
        dict(watch.base)["source"],
        sighting.alert_id,
        watch.labels(sighting),
        first_seen_at=created_at + 20.5,
        watch=watch.name,
        sighting=sighting,
        ack_sighted_at=created_at + 620.25 if sighting.is_acked else None,
        ack_target=ack_target,
    )
    entries = (*_ENTRIES, "ACK") if sighting.is_acked else _ENTRIES
    records = tuple(FlowRecord(entry, "SUCCESS", created_at + 60.0 * place) for place, entry in enumerate(entries))
    return advance(known, Log(records[::-1]), now=now - 60.0, policy=Policy(settle=10.0, max_age=2_592_000.0))
