"""`check --online`: what it prints about each source, with which code it ends, and what it never prints."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from exporter.cli import main
from exporter.simulator import Faults, Row, Simulator, SimulatorSettings, life_of
from tests.blueking.loopback import closed_port, says, serving

SECRET = "a-secret-that-nobody-prints"
ALL_WELL = """\
  reach          ok           HOST answers, without TLS
  search_alert   ok           allowed; finds 2 alert(s) of the last hour (bk_biz_ids 2)
  get_event_log  ok           allowed; 2 log(s) read
  time zone      ok           Asia/Shanghai: CREATE is +0 s from the creation that the id tells (median of 2 alert(s))
  clock          ok           no alert was updated in this machine's future
"""
WRONG_ZONE = """\
  reach          ok           HOST answers, without TLS
  search_alert   ok           allowed; finds 2 alert(s) of the last hour (bk_biz_ids 2)
  get_event_log  ok           allowed; 2 log(s) read
  time zone      failed       UTC: CREATE lies 8 h after the creation that the id tells (median of 2 alert(s))
                              timezone is that of the server process: Asia/Shanghai would be right
  clock          ok           no alert was updated in this machine's future
"""
UNREACHABLE = """\
  reach          failed       HOST: Connection refused
                              is url right, does the server run, and may this machine connect (firewall, proxy_url)?
  search_alert   not checked  HOST was not reached
  get_event_log  not checked  HOST was not reached
  time zone      not checked  Asia/Shanghai: no log was read with a creation that the id tells as well
  clock          not checked  no search found an alert whose times would tell
"""


@pytest.fixture
def start() -> Iterator[Any]:
    """Return a function that starts a simulated source with two alerts of ten minutes ago."""
    created = int(time.time()) - 600
    lives = [life_of(f"{created}{number:05}", [Row(created, "CREATE")]) for number in range(2)]
    with ExitStack() as running:

        def start(faults: Faults | None = None) -> str:
            settings = SimulatorSettings(app_secret=SECRET, faults=faults or Faults())
            return running.enter_context(Simulator(settings, lives=lives)).url

        yield start


def run(folder: Path, *sources: dict[str, object], online: bool = True) -> Result:
    """Check a config of these sources; what a source does not say is good."""
    good = {
        "auth": {"app_code": "flow-exporter", "app_secret": SECRET, "username": "admin"},
        "watch": [{"search": {"bk_biz_ids": [2]}}],
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps({"sources": [good | source for source in sources]}))
    arguments = ["check", f"--config.file={config}", *(["--online"] if online else [])]
    return CliRunner().invoke(main, arguments)


def told(result: Result, url: str, source: str = "prod") -> str:
    """Return the table of a source, with its address as HOST."""
    table = result.stdout.partition(f"\n\n{source}\n")[2].partition("\n\n")[0]
    return table.replace(url.removeprefix("http://"), "HOST") + "\n"


def test_a_good_source_ends_with_0(start: Any, tmp_path: Path) -> None:
    """Every check in a line, without colours where there is no terminal."""
    url = start()

    result = run(tmp_path, {"name": "prod", "url": url})

    assert told(result, url) == ALL_WELL
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "no check failed")


def test_without_online_no_source_is_asked(tmp_path: Path) -> None:
    """The config alone is checked, so a source that is down does not matter."""
    result = run(tmp_path, {"name": "prod", "url": (url := closed_port())}, online=False)

    assert (result.exit_code, result.stdout) == (
        0,
        f"{tmp_path}/config.yaml: ok, 1 source(s)\n  prod: {url}, 1 watch(es)\n",
    )


def test_a_wrong_time_zone_ends_with_1(start: Any, tmp_path: Path) -> None:
    """What is to be done stands beneath the check."""
    url = start()

    result = run(tmp_path, {"name": "prod", "url": url, "timezone": "UTC"})

    assert told(result, url) == WRONG_ZONE
    assert (result.exit_code, result.stderr) == (1, "1 check(s) failed\n")


def test_one_source_that_is_down_leaves_the_other_checked(start: Any, tmp_path: Path) -> None:
    """Each source has its table, in the order of the config."""
    down, up = closed_port(), start()

    result = run(tmp_path, {"name": "down", "url": down}, {"name": "up", "url": up})

    assert told(result, down, "down") == UNREACHABLE
    assert told(result, up, "up") == ALL_WELL
    assert result.exit_code == 1


def test_a_warning_alone_ends_with_0(start: Any, tmp_path: Path) -> None:
    """A search that finds nothing may be a quiet hour."""
    result = run(tmp_path, {"name": "prod", "url": start(), "watch": [{"search": {"bk_biz_ids": [404]}}]})

    assert "search_alert   warning      allowed, but finds no alert" in result.stdout
    assert result.exit_code == 0


def test_a_bad_config_ends_with_2_before_any_source_is_asked(tmp_path: Path) -> None:
    """Its faults are told as without --online."""
    result = run(tmp_path, {"name": "prod", "ulr": closed_port()})

    assert (result.exit_code, result.stdout) == (2, "")
    assert "sources[0].ulr" in result.stderr


@pytest.mark.parametrize("placement", ["header", "params", "auto"])
@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(esb_auth=1),
        Faults(gateway_secret=1),
        Faults(forbidden_empty=1),
        Faults(reset=1),
        Faults(http_502_html=1),
    ],
    ids=str,
)
def test_no_secret_is_printed(start: Any, tmp_path: Path, placement: str, faults: Faults) -> None:
    """On a good day and on bad ones, wherever the credentials stand in a request."""
    auth = {
        "app_code": "flow-exporter",
        "app_secret": SECRET,
        "token": f"token-{SECRET}",
        "placement": placement,
    }

    result = run(tmp_path, {"name": "prod", "url": start(faults), "auth": auth, "headers": {"X-Key": f"key-{SECRET}"}})

    assert "search_alert" in result.output
    assert SECRET not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_server_that_repeats_the_secret_does_not_get_it_printed(tmp_path: Path) -> None:
    """A refusal that quotes our request is told without what is secret in it."""
    refusal = {"result": False, "code": 1640001, "message": f"who is {SECRET}?", "data": None}
    with serving(says(refusal)) as server:
        result = run(tmp_path, {"name": "prod", "url": server.url})

    assert "who is <secret>?" in result.stdout
    assert SECRET not in result.output
