"""A scraper that sees whether counters fall or vanish, as no Prometheus should."""

import threading
from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.harness import Samples, labels

_EVERY = 0.3  # seconds


class Scraper:
    """Scrapes whenever somebody answers, in a thread of its own; `address` tells where to, None for nowhere.

    `fell` tells of each counter of the flow that fell, from one scrape to the next one, be it of the next process.
    """

    def __init__(self, address: Callable[[], str | None]) -> None:
        self._address = address
        self._before: Samples = {}
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)
        self.fell: list[str] = []
        self.scrapes = 0

    @property
    def is_running(self) -> bool:
        """Whether it still scrapes."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def forget(self) -> None:
        """Compare with nothing that was scraped so far: what was counted is lost, as it is promised then."""
        with self._looking:
            self._before = {}

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            with self._looking:
                if (address := self._address()) is not None:
                    self._scrape(address)

    def _scrape(self, address: str) -> None:
        try:
            answer = requests.get(f"{address}/metrics", timeout=5)
        except requests.RequestException:
            return  # it is down, or has no descriptor left; who strikes knows
        self._look(_counters(answer.text))

    def _look(self, now: Samples) -> None:
        for (name, pairs), value in self._before.items():
            if now.get((name, pairs), -1.0) < value:
                self.fell.append(f"{name} {dict(sorted(pairs))} from {value} to {now.get((name, pairs), 'nothing')}")
        self._before = now
        self.scrapes += 1


def _counters(exposition: str) -> Samples:
    return {
        (sample.name, labels(sample.labels)): sample.value
        for family in text_string_to_metric_families(exposition)
        if family.type in {"counter", "histogram"} and not family.name.startswith("bkmonitor_flow_exporter_")
        for sample in family.samples
        if sample.name.startswith("bkmonitor_flow_")
    }
