"""Resident memory of `serve` with many open alerts and the limits raised, while it is scraped as Prometheus does."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from bench.installed import install
from bench.open_alerts import ALERTS, OPENMETRICS, told_alerts, write_config, write_ledger
from bench.servers import Server, free_address, running
from bench.timing import Comparison, Quantity, at_most

_ALLOWED = Quantity(250 << 20, "bytes")
_OWN_LABEL_SETS = 10_000  # ten times as many would take minutes to render
_SCRAPES = 10
_SCRAPED_EVERY = 2.0
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class _Memory:
    """Of how many alerts, the most resident memory that was seen, the bytes of a scrape, and its series."""

    alerts: int
    resident: Quantity
    body: Quantity
    series: int

    def per_alert(self, empty: "_Memory") -> Quantity:
        """Return what an alert adds to an exporter that knows none."""
        return Quantity((self.resident.value - empty.resident.value) / self.alerts, "bytes")


def run() -> Iterator[Comparison]:
    """Yield the comparison with what is allowed, and that of few label sets with one for each alert."""
    with tempfile.TemporaryDirectory() as name:
        serve = install(Path(name, "installed"))
        empty = _measure(serve, 0, own_label_sets=False)
        few = _measure(serve, ALERTS, own_label_sets=False)
        own = _measure(serve, _OWN_LABEL_SETS, own_label_sets=True)
    added = (
        f"An alert adds {few.per_alert(empty)} to the {empty.resident} of an exporter without any; its series, "
        f"{Quantity(few.body.value / few.alerts, 'bytes')} of a scrape's text, are a part of that."
    )
    each = own.series / own.alerts
    own_sets = (
        f"Where each of {own.alerts:,} alerts has a label set of its own, it makes {each:.0f} series, most of them of "
        f"counters and histograms, which outlive it: {ALERTS:,} such alerts would be {ALERTS * each / 1e6:.1f} million "
        f"series and take {Quantity(ALERTS * own.per_alert(empty).value, 'bytes')}."
    )
    yield Comparison(
        f"resident memory with {few.alerts:,} open alerts that share 60 label sets: `serve` / {_ALLOWED}",
        few.resident,
        _ALLOWED,
        at_most(1.0),
        notes=(added,),
    )
    yield Comparison(
        "memory per alert: each with a label set of its own / 60 label sets",
        own.per_alert(empty),
        few.per_alert(empty),
        notes=(own_sets,),
    )


def _measure(serve: Sequence[str], alerts: int, *, own_label_sets: bool) -> _Memory:
    with tempfile.TemporaryDirectory() as name:
        folder, address = Path(name), free_address()
        config = write_config(folder, own_label_sets=own_label_sets)
        write_ledger(config, time.time(), alerts=alerts, own_label_sets=own_label_sets)
        command = [*serve, f"--config.file={config}", f"--web.listen-address={address}"]
        with running(command, address, folder, lambda server: bool(_scrape(server))) as server:
            most = server.resident()
            for _ in range(_SCRAPES):
                time.sleep(_SCRAPED_EVERY)
                text = _scrape(server)
                most = max(most, server.resident(), key=lambda seen: seen.value)
    if told_alerts(text) != alerts:
        raise RuntimeError(f"a scrape tells {told_alerts(text)} open alerts of {alerts}")
    series = sum(not line.startswith("#") for line in text.splitlines())
    return _Memory(alerts, most, Quantity(len(text.encode()), "bytes"), series)


def _scrape(server: Server) -> str:
    answer = requests.get(f"{server.url}/metrics", headers=OPENMETRICS, timeout=_TIMEOUT)
    answer.raise_for_status()
    answer.encoding = "utf-8"
    return answer.text
