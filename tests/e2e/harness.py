"""The exporter as a real process, what it exposes, and what a simulator's truth says it should."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import requests
from prometheus_client.parser import text_string_to_metric_families

COMMAND = str(Path(sys.executable).with_name("bkmonitor-flow-exporter"))
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

START_WITHIN = 30.0
_STOP_WITHIN = 10.0


class ExporterProcess:
    """A running `serve`, or `demo` without a config; its log is kept. At the end of the block it is killed.

    It has to listen `within` seconds. With `wait=False` it may be killed before that, and has no `url`. `launcher` runs
    the command line.
    """

    def __init__(
        self,
        config: Path | None,
        *options: str,
        wait: bool = True,
        within: float = START_WITHIN,
        launcher: Sequence[str] = (COMMAND,),
    ) -> None:
        command = ["demo"] if config is None else ["serve", f"--config.file={config}"]
        self._process = subprocess.Popen(
            [*launcher, *command, "--web.listen-address=127.0.0.1:0", *options],
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
        if not self._listening.wait(within) or self._process.poll() is not None:
            self.kill()
            raise AssertionError("the exporter did not start:\n" + "".join(self.log))
        self.url = next(m[0] for line in self.log if (m := re.search(r"https?://127\.0\.0\.1:\d+", line)))

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

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

    def wait(self, within: float = _STOP_WITHIN) -> int:
        """Wait for its end, and return its exit code."""
        code = self._process.wait(within)
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
        self.kill()  # also one that ended by itself: only then is the pipe to its log closed


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


SEVERITIES = {1: "fatal", 2: "warning", 3: "remind"}
Labelled = Callable[[Mapping[str, Any]], Mapping[str, object]]


def by_team(alert: Mapping[str, Any]) -> dict[str, object]:
    """Return the label of an alert that a watch file lists under its team."""
    return {"team": alert["team"]}


def true_samples(
    truth: Mapping[str, Any], source: str, bounds: Iterable[float], *, labelled: Labelled = by_team
) -> Samples:
    """Return the flow metrics that a simulator's truth asks for, counted alert by alert, without zeros.

    `labelled` tells the labels of an alert. The configured targets themselves are not among them.
    """
    tally = _Tally(source, labelled, tuple(bounds), {a["ack_target"] for a in truth["alerts"]} - {None})
    for alert in truth["alerts"]:
        tally.add_logged(alert)
        if alert["deadline_result"] is not None:
            tally.add(alert, "ack_deadlines_total", 1, result=alert["deadline_result"])
        if alert["outcome"] is None:
            tally.add_open(alert, is_named=truth["searched"])
        else:
            tally.add_ended(alert)
    return {key: float(value) for key, value in (tally.counted | tally.oldest).items() if value}


class _Tally:
    """Adds up samples; `oldest` holds the one gauge that is no sum."""

    def __init__(self, source: str, labelled: Labelled, bounds: tuple[float, ...], targets: set[float]) -> None:
        self._source = source
        self._labelled = labelled
        self._bounds = bounds
        self._targets = targets
        self.counted: dict[tuple[str, frozenset[tuple[str, str]]], float] = defaultdict(float)
        self.oldest: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}

    def add(self, alert: Mapping[str, Any], name: str, amount: float, /, **extra: str) -> None:
        self.counted[self._key(alert, name, extra)] += amount

    def add_logged(self, alert: Mapping[str, Any]) -> None:
        for operate, statuses in alert["records"].items():
            for status, amount in statuses.items():
                self.add(alert, "records_total", amount, operate=operate, status=status)
        self._observe(alert, "time_to_ack_seconds", alert["acked_at"], {*self._bounds, *self._targets})
        self._observe(alert, "time_to_first_action_seconds", alert["first_action_at"], self._bounds)

    def add_ended(self, alert: Mapping[str, Any]) -> None:
        self._observe(alert, "time_to_end_seconds", alert["ended_at"], self._bounds, outcome=alert["outcome"])
        self.add(alert, "alerts_ended_total", 1, outcome=alert["outcome"], acked=_flag(alert["is_acked"]))

    def add_open(self, alert: Mapping[str, Any], *, is_named: bool) -> None:
        acked, shielded = alert["is_acked"], alert["is_shielded"]
        self.add(alert, "open_alerts", 1, acked=_flag(acked), shielded=_flag(shielded))
        self.add(alert, "anomaly_count", alert["anomaly_count"] or 0, alert_id=alert["id"])
        names = {name: alert[name] or "" for name in ("alert_name", "strategy_id", "strategy_name")} if is_named else {}
        self.add(alert, "alert_info", 1, alert_id=alert["id"], **{name: str(text) for name, text in names.items()})
        if not acked and not shielded:
            self.add(alert, "unacked_since_timestamp_seconds", alert["created_at"], alert_id=alert["id"])
            key = self._key(alert, "oldest_unacked_timestamp_seconds", {})
            self.oldest[key] = min(alert["created_at"], self.oldest.get(key, alert["created_at"]))

    def _observe(
        self, alert: Mapping[str, Any], name: str, until: float | None, bounds: Iterable[float], **extra: str
    ) -> None:
        if until is None:
            return
        seconds = max(0, until - alert["created_at"])
        self.add(alert, f"{name}_count", 1, **extra)
        self.add(alert, f"{name}_sum", seconds, **extra)
        self.add(alert, f"{name}_bucket", 1, le="+Inf", **extra)
        for bound in bounds:
            self.add(alert, f"{name}_bucket", int(seconds <= bound), le=str(float(bound)), **extra)

    def _key(
        self, alert: Mapping[str, Any], name: str, extra: Mapping[str, str]
    ) -> tuple[str, frozenset[tuple[str, str]]]:
        own = {name: str(value) for name, value in self._labelled(alert).items()}
        return f"bkmonitor_flow_{name}", labels({"source": self._source, **own, **extra})


def _flag(value: bool) -> str:
    return str(value).lower()


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
