"""A scraper that sees whether counters fall or vanish, as no Prometheus should."""

import threading
from collections.abc import Callable

import requests

from tests.e2e.harness import Samples, samples_of

_EVERY = 0.3  # seconds
_COUNTERS = ("_total", "_count", "_sum", "_bucket")


class Scraper:
    """Scrapes whenever somebody answers, in a thread of its own; `address` tells where to.

    `fell` tells of each counter of the flow that fell, from one scrape to the next one, be it of the next process.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._before: Samples = {}
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)
        self.fell: list[str] = []
        self.scrapes = 0

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
                try:
                    answer = requests.get(self._address(), timeout=5)
                except requests.RequestException:
                    continue  # it is down, or has no descriptor left; who strikes knows
                self._look(samples_of(answer.text))

    def _look(self, samples: Samples) -> None:
        now = {key: value for key, value in samples.items() if _is_counter(key[0])}
        for (name, pairs), value in self._before.items():
            if now.get((name, pairs), -1.0) < value:
                self.fell.append(f"{name} {dict(sorted(pairs))} from {value} to {now.get((name, pairs), 'nothing')}")
        self._before = now
        self.scrapes += 1


def _is_counter(name: str) -> bool:
    return name.startswith("bkmonitor_flow_") and "_exporter_" not in name and name.endswith(_COUNTERS)
