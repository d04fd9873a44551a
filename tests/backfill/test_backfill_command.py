"""The command: what it asks, what it writes, how it goes on after a stop, and how it fails."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.simulator import Faults, Row, Simulator, SimulatorSettings, life_of
from tests.e2e.harness import COMMAND, wait_until

EPOCH = 1_767_225_600
LIVES = [
    life_of(
        f"{EPOCH - number * 600}{10_000 + number}",
        [Row(EPOCH - number * 600, "CREATE"), Row(EPOCH - number * 600 + 90, "ACK")],
        severity=1 + number % 3,
    )
    for number in range(1, 61)
]
RANGE = (f"--from={EPOCH - 40_000}", f"--to={EPOCH}")
CONFIG = """\
sources:
  - name: sim
    url: {url}
    auth: {{app_code: flow-exporter, app_secret: not-a-secret, username: admin}}
    rate_limit: {{requests_per_second: {rate}, burst: 1, concurrency: 4}}
    watch:
      - {{alerts: [{first}], labels: {{team: fixed}}}}
      - {{search: {{bk_biz_ids: [2]}}, labels: {{team: found}}}}
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Serve lives written by hand, as they are at the epoch."""
    with Simulator(SimulatorSettings(dialect="documented"), now=lambda: float(EPOCH), lives=LIVES) as running:
        yield running


def configure(folder: Path, url: str, rate: int = 1000) -> None:
    """Write a config whose first watch has a fixed id that the second one finds as well."""
    (folder / "config.yaml").write_text(CONFIG.format(url=url, rate=rate, first=LIVES[0].alert.id))


def arguments(folder: Path, *more: str) -> list[str]:
    """Return a backfill's arguments."""
    return ["backfill", f"--config.file={folder}/config.yaml", f"--output={folder}/out.om", *RANGE, *more]


def run(folder: Path, *more: str) -> Result:
    """Run a backfill in this process."""
    return CliRunner().invoke(main, arguments(folder, *more))


def asked(simulator: Simulator) -> dict[str, int]:
    """Return how often each alert's log was asked for."""
    return dict(requests.get(f"{simulator.url}/-/requests", timeout=5).json()["get_event_log"])


def change_faults(simulator: Simulator, **faults: object) -> None:
    """Have things go wrong."""
    requests.put(f"{simulator.url}/-/faults", json=faults, timeout=5).raise_for_status()


def created(folder: Path) -> dict[str, float]:
    """Return how many CREATE records the output ends with, by team."""
    told: Counter[str] = Counter()
    for line in (folder / "out.om").read_text().splitlines():
        if 'operate="CREATE"' in line and line.endswith(f" {EPOCH}"):
            told[line.split('team="')[1].split('"')[0]] += float(line.split()[1])  # type: ignore[assignment] # a Counter holds floats as well
    return dict(told)


def test_each_alert_is_asked_for_once_and_counted_under_its_first_watch(simulator: Simulator, tmp_path: Path) -> None:
    """The file takes its place in one step, and nothing else is left behind."""
    configure(tmp_path, simulator.url)

    result = run(tmp_path)

    assert (result.exit_code, result.stdout) == (0, "")
    assert set(asked(simulator).values()) == {1}
    assert len(asked(simulator)) == len(LIVES)
    assert created(tmp_path) == {"found": len(LIVES) - 1, "fixed": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "out.om"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_goes_on(simulator: Simulator, tmp_path: Path, ending: signal.Signals) -> None:
    """What it writes in the end is, to the byte, what it would have written at once; next to nothing is asked twice."""
    configure(tmp_path, simulator.url)
    assert run(tmp_path).exit_code == 0
    at_once = (tmp_path / "out.om").read_bytes()
    (tmp_path / "out.om").unlink()
    before = asked(simulator)
    configure(tmp_path, simulator.url, rate=20)

    with subprocess.Popen([COMMAND, *arguments(tmp_path)], stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: _lines(tmp_path / "out.om.part") > 80, within=30)
        process.send_signal(ending)
        assert process.stderr is not None
        told = process.stderr.read()
        code = process.wait(20)
    left = (tmp_path / "out.om.part").exists(), (tmp_path / "out.om").exists()
    configure(tmp_path, simulator.url)
    again = run(tmp_path)

    assert left == (True, False)
    if ending is not signal.SIGKILL:
        assert (code, "the same command goes on from" in told) == (1, True)
    assert (again.exit_code, "going on from" in again.stderr) == (0, True)
    assert (tmp_path / "out.om").read_bytes() == at_once
    assert not (tmp_path / "out.om.part").exists()
    twice = {alert_id for alert_id, times in asked(simulator).items() if times - before[alert_id] > 1}
    assert len(twice) <= 5


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_an_alert_that_cannot_be_read_is_told_and_nothing_is_written(simulator: Simulator, tmp_path: Path) -> None:
    """A number without it would be wrong; the next run asks for it alone, or leaves it out where one says so."""
    configure(tmp_path, simulator.url)
    poor = LIVES[7].alert.id
    change_faults(simulator, bad_request=1, only_ids=[poor])

    failed = run(tmp_path)
    left_out = run(tmp_path, "--skip-missing")

    assert failed.exit_code == 1
    assert "1 alert(s) cannot be read:" in failed.stderr
    assert f"  sim {poor}: get_event_log: " in failed.stderr
    assert "--skip-missing leaves them out" in failed.stderr
    assert (left_out.exit_code, asked(simulator)[poor]) == (0, 2)
    assert created(tmp_path) == {"found": len(LIVES) - 2, "fixed": 1}


def test_trouble_that_passes_is_waited_out(simulator: Simulator, tmp_path: Path) -> None:
    """A source that breaks connections, or is in trouble, now and then costs time and no number."""
    configure(tmp_path, simulator.url)
    assert run(tmp_path).exit_code == 0
    at_once = (tmp_path / "out.om").read_bytes()
    change_faults(simulator, http_500=0.08, cut_json=0.05)

    assert run(tmp_path).exit_code == 0

    assert (tmp_path / "out.om").read_bytes() == at_once
    assert sum(asked(simulator).values()) > 2 * len(LIVES)


def test_a_source_that_does_not_allow_us_is_told(simulator: Simulator, tmp_path: Path) -> None:
    """At once, with its words, without our secret."""
    configure(tmp_path, simulator.url)
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text.replace("not-a-secret", "wr0ng-s3cret"))

    result = run(tmp_path)

    assert result.exit_code == 1
    assert "sim: credentials in header: search_alert: User authentication failed" in result.stderr
    assert "nothing was written" in result.stderr
    left = [result.stderr, *(path.read_text() for path in tmp_path.glob("out*"))]
    assert not [text for text in left if "wr0ng-s3cret" in text]


def test_another_range_does_not_mix_with_what_is_left(simulator: Simulator, tmp_path: Path) -> None:
    """It is refused, with what to do."""
    configure(tmp_path, simulator.url)
    change_faults(simulator, bad_request=1, only_ids=[LIVES[7].alert.id])
    run(tmp_path)

    other = CliRunner().invoke(main, [*arguments(tmp_path), f"--from={EPOCH - 9000}"])

    assert (other.exit_code, "holds the answers to another query" in other.stderr) == (1, True)


def test_what_is_kept_between_two_runs_holds_no_secret(simulator: Simulator, tmp_path: Path) -> None:
    """Neither the application's nor what people wrote in a record."""
    configure(tmp_path, simulator.url)
    change_faults(simulator, bad_request=1, only_ids=[LIVES[7].alert.id])
    run(tmp_path)

    kept = (tmp_path / "out.om.part").read_text()

    assert "not-a-secret" not in kept
    assert not [line for line in map(json.loads, kept.splitlines()) if "message" in line]


def test_the_history_can_go_to_standard_output(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes, and nothing else."""
    configure(tmp_path, simulator.url)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path).exit_code == 0

    result = run(tmp_path, "--output=-")

    assert (result.exit_code, result.stdout_bytes) == (0, (tmp_path / "out.om").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "out.om"]


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--from=yesterday"], "'--from'|--from: expected 2026-01-31"),
        (["--to=2100-01-01"], "lies in the future"),
        ([f"--from={EPOCH}"], "is not after --from"),
        (["--step=10m"], "expected 1s to 5m, got 10m"),
        (["--step=0"], "expected 1s to 5m, got 0"),
        (["--step=often"], "expected a duration such as 10s"),
        (["--label=job"], "expected NAME=VALUE"),
        (["--label=9=9"], "expected NAME=VALUE"),
        (["--label=le=9"], "le is a label of the exporter's own"),
        (["--label=team=x"], "alerts have these labels already: team"),
        (["--source=nobody"], "the config has no source 'nobody'; it has sim"),
        (["--output=/dev/null"], "expected a file in a directory that exists"),
        (["--output=/nowhere/at/all"], "expected a file in a directory that exists"),
        (["--config.file=/nowhere/config.yaml"], "/nowhere/config.yaml"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_would_be_right(tmp_path: Path, given: list[str], complaint: str) -> None:
    """Before anything is asked."""
    configure(tmp_path, "http://127.0.0.1:9")

    result = run(tmp_path, *given)

    assert result.exit_code == 2
    words = " ".join(result.stderr.split())
    assert any(alternative in words for alternative in complaint.split("|")), words


def test_no_request_goes_out_faster_than_allowed(simulator: Simulator, tmp_path: Path) -> None:
    """Sixty logs and a search at 40 a second take a second and a half."""
    configure(tmp_path, simulator.url, rate=40)
    began = time.monotonic()

    assert run(tmp_path).exit_code == 0

    assert time.monotonic() - began >= 60 / 40


def test_an_alert_that_the_source_does_not_know_is_missing(tmp_path: Path) -> None:
    """A fixed id that is mistyped, or older than what the source keeps."""
    settings = SimulatorSettings(dialect="documented", faults=Faults())
    with Simulator(settings, now=lambda: float(EPOCH), lives=[]) as simulator:
        configure(tmp_path, simulator.url)
        result = run(tmp_path)

    assert (result.exit_code, "1 alert(s) cannot be read:" in result.stderr) == (1, True)
