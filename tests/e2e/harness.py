"""The exporter as a real process, what it exposes, and what a simulator's truth says it should."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import requests
from prometheus_client.parser import text_string_to_metric_families

COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

_START_WITHIN = 30.0
_STOP_WITHIN = 10.0


class ExporterProcess:
    """A running `serve`, or `demo` without a config; its log is kept. At the end of the block it is killed.

    With `wait=False` it may be killed before it listens, and has no `url`.
    """

    def __init__(self, config: Path | None, *options: str, wait: bool = True) -> None:
        command = ["demo"] if config is None else ["serve", f"--config.file={config}"]
        self._process = subprocess.Popen(
            [COMMAND, *command, "--web.listen-address=127.0.0.1:0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.log: list[str] = []
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not wait:
            return
        if not self._listening.wait(_START_WITHIN) or self._process.poll() is not None:
            self.kill()
            raise AssertionError("the exporter did not start:\n" + "".join(self.log))
        self.url = next(m[0] for line in self.log if (m := re.search(r"http://127\.0\.0\.1:\d+", line)))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def get(self, path: str, **headers: str) -> requests.Response:
        """Ask for a page."""
        return requests.get(self.url + path, headers=headers, timeout=10)

    def samples(self) -> Samples:
        """Scrape and return every sample."""
        return samples_of(self.get("/metrics").text)

    def kill(self) -> None:
        """End it as a crash would, at once and in the middle of whatever it does."""
        self._process.kill()
        self.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        code = self._process.wait(_STOP_WITHIN)
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()
        return code

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.log.append(line)
            if "listening" in line:
                self._listening.set()
        self._listening.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self.kill()


def samples_of(exposition: str) -> Samples:
    """Return the samples of a text exposition by name and labels; empty labels are no labels, as in Prometheus."""
    return {
        (sample.name, labels(sample.labels)): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def labels(pairs: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return label pairs without the empty ones."""
    return frozenset((name, value) for name, value in pairs.items() if value)


def flow_samples(samples: Samples) -> Samples:
    """Return the flow metrics without zeros: what a newcomer at zero and an absent series have in common."""
    return {
        key: value
        for key, value in samples.items()
        if key[0].startswith("bkmonitor_flow_") and not key[0].startswith("bkmonitor_flow_exporter_") and value
    }


def true_samples(truth: Mapping[str, Any], source: str, bounds: Iterable[float]) -> Samples:
    """Return the flow metrics that a simulator's truth asks for, counted alert by alert, without zeros."""
    told: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()

    def add(name: str, amount: float, **extra: str) -> None:
        told[f"bkmonitor_flow_{name}", labels({"source": source, "team": alert["team"], **extra})] += amount  # type: ignore[assignment] # a Counter holds floats as well

    def observe(name: str, since: float, until: float | None, **extra: str) -> None:
        if until is not None:
            add(f"{name}_count", 1, **extra)
            add(f"{name}_sum", until - since, **extra)
            add(f"{name}_bucket", 1, le="+Inf", **extra)
            for bound in bounds:
                add(f"{name}_bucket", int(until - since <= bound), le=str(float(bound)), **extra)

    for alert in truth["alerts"]:
        for operate, statuses in alert["records"].items():
            for status, amount in statuses.items():
                add("records_total", amount, operate=operate, status=status)
        created = alert["created_at"]
        observe("time_to_ack_seconds", created, alert["acked_at"])
        observe("time_to_first_action_seconds", created, alert["first_action_at"])
        acked = "true" if alert["acked_at"] is not None else "false"
        if alert["outcome"] is None:
            # A log does not tell the shield, a search does.
            add("open_alerts", 1, acked=acked, shielded=str(alert.get("shielded", False)).lower())
            add("anomaly_count", alert["anomaly_count"] or 0, alert_id=alert["id"])
        else:
            observe("time_to_end_seconds", created, alert["ended_at"], outcome=alert["outcome"])
            add("alerts_ended_total", 1, outcome=alert["outcome"], acked=acked)
    return {key: float(value) for key, value in told.items() if value}


def differences(told: Samples, truth: Samples) -> dict[str, tuple[float, float]]:
    """Return what is told otherwise than it is, written short: told and true value by sample."""
    return {
        f"{name.removeprefix('bkmonitor_flow_')} {dict(sorted(pairs))}": (told.get(key, 0.0), truth.get(key, 0.0))
        for key in told.keys() | truth.keys()
        if told.get(key, 0.0) != truth.get(key, 0.0)
        for name, pairs in [key]
    }


def wait_until(holds: Callable[[], bool], within: float) -> None:
    """Wait for something to hold; the caller's next assertion tells where it did not."""
    deadline = time.monotonic() + within
    while not holds() and time.monotonic() < deadline:
        threading.Event().wait(0.1)
