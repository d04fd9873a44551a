"""Secrets on good and bad days: nothing that the exporter shows, logs or keeps has one; a rotated one is taken up."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from tests.e2e.bad_days import (
    APP_SECRET,
    TIMEOUT,
    Clothes,
    Deployment,
    LeapingExporter,
    expect_right,
    own,
    running,
    watch_for,
    write_config,
)
from tests.e2e.harness import START_WITHIN, ExporterProcess, flow_samples, wait_until

# Letters and digits that no encoding changes, around signs that percent-encoding, JSON and HTML write otherwise.
SECRETS = {
    "app_secret": 'kQ7zW9xVr2Ap+/=&?"\\ é%41<Lm4Tt8Ys6Bd',
    "token": "Hn5Jc3Ufe1To&=+ 'ü#Gw2Rb7Kz9Xq",
    "access_token": "Zp8Dv4Msy6Ac%2F;\\u00e9>Eh3Wj5Nf7Ol",
}
HEADERS = {"X-Key": 'Bt6Xr1Qwh9He "=/Vu4Sg8Ik2Pc', "Authorization": "Bearer Yd7Fa3Lko5Be+/=="}
CORES = (
    *("kQ7zW9xVr2Ap", "Lm4Tt8Ys6Bd", "Hn5Jc3Ufe1To", "Gw2Rb7Kz9Xq", "Zp8Dv4Msy6Ac", "Eh3Wj5Nf7Ol"),
    *("Bt6Xr1Qwh9He", "Vu4Sg8Ik2Pc", "Yd7Fa3Lko5Be"),
)
FAULTS = ("esb_auth", "gateway_secret", "bad_request", "gateway_rate", "http_500", "cut_json", "reset", "slow")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PAGES = ("/metrics", "/", "/-/ready", "/-/healthy", "/config", "/no-such-page")


def given(way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the auth keys that give all secrets in one way: inline, file or env."""
    if way == "inline":
        return SECRETS
    for name, secret in SECRETS.items():
        (folder / name).write_text(f"{secret}\n")
        monkeypatch.setenv(name.upper(), secret)
    return {f"{name}_{way}": name if way == "file" else name.upper() for name in SECRETS}


def leaks(shown: Mapping[str, str]) -> dict[str, list[str]]:
    """Return which parts of secrets show, and where."""
    return {place: found for place, text in shown.items() if (found := [core for core in CORES if core in text])}


def told(exporter: ExporterProcess) -> Iterator[tuple[str, str]]:
    """Yield all that a running exporter tells over HTTP, and its command line, by place."""
    for path in PAGES:
        yield path, exporter.get(path).text
    yield "/metrics as OpenMetrics", exporter.get("/metrics", Accept=OPENMETRICS).text
    yield "the process list", Path(f"/proc/{exporter.pid}/cmdline").read_text()


@pytest.mark.parametrize("way", ["inline", "file", "env"])
@pytest.mark.parametrize(("clothes", "placement"), [(Clothes.ESB, "params"), (Clothes.GATEWAY, "header")])
def test_no_secret_shows_whatever_happens(
    clothes: Clothes, placement: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through success, refusals, trouble, resets and time-outs, neither log, pages, process list nor ledger has one."""
    auth = {"app_code": "flow-exporter", "placement": placement, **given(way, tmp_path, monkeypatch)}
    deployments = [Deployment(fault, clothes, SECRETS["app_secret"]) for fault in FAULTS]
    with running(deployments):
        config = write_config(tmp_path, [{**d.source(auth), "headers": HEADERS} for d in deployments])
        with ExporterProcess(config, "--log.level=debug") as exporter:
            expect_right(exporter, deployments)
            shown = {f"{place} on a good day": text for place, text in told(exporter)}
            for deployment in deployments:
                deployment.refuse(deployment.name, slow_seconds=2 * TIMEOUT)
            down = [deployment.name for deployment in deployments if deployment.name != "gateway_rate"]
            wait_until(lambda: not any(own(exporter, "source_up", name) for name in down), within=20)
            assert [name for name in down if own(exporter, "source_up", name)] == []
            shown |= dict(told(exporter))
            exporter.stop()

    shown["the log"] = "".join(exporter.log)
    shown["the ledger"] = (tmp_path / "flow.db").read_text(errors="replace")
    assert all(f"source={name}" in shown["the log"] for name in down)
    assert leaks(shown) == {}


MISTAKES: dict[str, dict[str, object]] = {
    "a mapping": {"app_secret": {"value": CORES[0]}},
    "a list": {"access_token": [CORES[0]]},
    "the name of a variable": {"token_env": CORES[0]},
    "the name of a file": {"token_file": CORES[0]},
    "under a misspelt key": {"app_secrt": CORES[0]},
    "given twice": {"app_secret": CORES[0], "app_secret_env": CORES[0]},
}
MISPLACED: dict[str, dict[str, object]] = {
    **{
        name: {"auth": {"app_code": "a", "app_secret": "b", "username": "c", **auth}} for name, auth in MISTAKES.items()
    },
    "instead of auth": {"auth": CORES[0]},
    "in the name of a header": {"headers": {f"Authorization: Bearer {CORES[0]}": ""}},
    "in two lines of a header": {"headers": {"Authorization": f"{CORES[0]}\n"}},
    "instead of headers": {"headers": CORES[0]},
    "in the address": {"url": f"http://user:{CORES[0]}@127.0.0.1:9"},
    "in the query of the address": {"url": f"http://127.0.0.1:9/?bk_app_secret={CORES[0]}"},
    "in the address of the proxy": {"proxy_url": f"socks9://user:{CORES[0]}@127.0.0.1:9"},
}


def refusal(config: Path) -> dict[str, list[str]]:
    """Return what shows of secrets when the exporter refuses to start with this config."""
    with ExporterProcess(config, "--log.level=debug", wait=False) as exporter:
        assert exporter.wait(START_WITHIN) == 2
    assert f"{config}:" in "".join(exporter.log)
    return leaks({"the refusal": "".join(exporter.log)})


@pytest.mark.parametrize("mistake", MISPLACED.values(), ids=MISPLACED.keys())
def test_a_bad_config_is_refused_without_its_secrets(mistake: dict[str, object], tmp_path: Path) -> None:
    """A secret in a wrong place is refused with 2, and the refusal does not quote it."""
    config = write_config(tmp_path, [{**Deployment("prod", Clothes.ESB).source(), **mistake}])

    assert refusal(config) == {}


def test_a_refused_reload_tells_no_secret(tmp_path: Path) -> None:
    """Wherever a secret stands by mistake, neither answer nor log nor page has it; nor has one in a proxy's address."""
    proxied = {"proxy_url": f"http://user:{CORES[1]}@127.0.0.1:9", "headers": {"X-Key": CORES[2]}}
    source = {**Deployment("prod", Clothes.ESB).source(), **proxied, "url": "http://127.0.0.1:9"}
    config = write_config(tmp_path, [source])
    with ExporterProcess(config, "--log.level=debug", "--web.enable-lifecycle") as exporter:
        wait_until(lambda: not own(exporter, "source_up", "prod"), within=15)
        shown = {}
        for name, mistake in MISPLACED.items():
            write_config(tmp_path, [{**source, **mistake}])
            answer = requests.post(f"{exporter.url}/-/reload", timeout=10)
            assert answer.status_code == 500, name
            shown[f"the answer to a secret {name}"] = answer.text
        shown |= dict(told(exporter))
        exporter.stop()

    shown["the log"] = "".join(exporter.log)
    assert shown["/config"].count("<secret>") == 3
    assert shown["the log"].count("config is not reloaded") == len(MISPLACED)
    assert leaks(shown) == {}


@pytest.mark.parametrize("text", ['"{}', "{}: x: y", "*{}", "%{}", "@{}"])
def test_broken_yaml_is_refused_without_its_secrets(text: str, tmp_path: Path) -> None:
    """A secret that no parser can read is refused with 2, and the refusal does not quote it."""
    config = tmp_path / "config.yaml"
    config.write_text(f"sources:\n  - auth:\n      app_secret: {text.format(CORES[0])}\n")

    assert refusal(config) == {}


@pytest.mark.parametrize("clothes", Clothes)
def test_a_rotated_secret_is_taken_up_without_a_restart(clothes: Clothes, tmp_path: Path) -> None:
    """A wrong secret in a file takes the source down and is not tried on; the right one brings all that was missed."""
    (tmp_path / "app_secret").write_text("of-yesterday\n")
    prod = Deployment("prod", clothes)
    auth = {"app_code": "flow-exporter", "app_secret_file": "app_secret", "username": "admin"}
    with running([prod]), LeapingExporter(write_config(tmp_path, [prod.source(auth)])).running() as exporter:
        wait_until(lambda: not own(exporter, "source_up", "prod"), within=15)
        watch_for(1)
        # An ESB that reads parameters only does not see it in the header; a gateway reads it there and nowhere else.
        assert prod.asked() == (2 if clothes is Clothes.ESB else 1)
        assert (own(exporter, "source_up", "prod"), flow_samples(exporter.samples())) == (0, {})
        prod.become_evening()
        (tmp_path / "app_secret").write_text(f"{APP_SECRET}\n")

        exporter.leap(600)

        expect_right(exporter, [prod])
