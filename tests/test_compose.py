"""compose.yaml, Dockerfile and stack/: what can be held of them without Docker."""

import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from exporter.cli import main
from exporter.config import load_config
from tools.stack import PORTS, WORLD

TOP = Path(__file__).parents[1]
SERVICES: Mapping[str, Mapping[str, Any]] = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]
VOLUMES: Mapping[str, Any] = yaml.safe_load((TOP / "compose.yaml").read_text())["volumes"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PINNED = r"[a-z]+(/[a-z]+)?:v?\d+\.\d+\.\d+(-slim-bookworm)?"


def mounts(service: str) -> Iterator[tuple[str, str]]:
    """Yield what a service mounts: a path of this repository or the name of a volume, and where."""
    for volume in SERVICES[service].get("volumes", []):
        what, where = volume.split(":")[:2]
        yield what, where


def option(service: str, name: str) -> str:
    """Return the value of an option of a service's command."""
    (value,) = (text.partition("=")[2] for text in SERVICES[service]["command"] if text.startswith(f"--{name}="))
    return str(value)


def own_ports(service: str) -> list[str]:
    """Return the ports on which a service is published, as it knows them."""
    return [published.split(":")[-1] for published in SERVICES[service].get("ports", [])]


def test_nothing_is_published_beyond_this_machine() -> None:
    """Nobody asks for a password: each port is one of loopback, and the one that `make stack` prefers."""
    published = [port.split(":") for service in SERVICES.values() for port in service.get("ports", [])]

    assert {host for host, _, _ in published} == {"127.0.0.1"}
    assert {outside for _, outside, _ in published} == {str(port) for port in PORTS.values()} | {"3000"}
    assert [outside for _, outside, _ in published] == [inside for _, _, inside in published]


def test_every_image_is_pinned() -> None:
    """What works today works tomorrow: images have whole versions."""
    (base,) = re.findall(r"^ARG PYTHON=(.+)$", (TOP / "Dockerfile").read_text(), re.MULTILINE)
    images = [service["image"] for name, service in SERVICES.items() if name not in OURS]

    assert [image for image in [base, *images] if not re.fullmatch(PINNED, image)] == []


def test_what_is_mounted_is_there() -> None:
    """Docker makes an empty folder of a path that does not exist; a volume that is not declared is an error."""
    mounted = {what for name in SERVICES for what, _ in mounts(name)}

    assert [what for what in mounted if what.startswith("./") and not (TOP / what).exists()] == []
    assert {what for what in mounted if not what.startswith("./")} == set(VOLUMES)


@pytest.mark.parametrize("name", OURS)
def test_the_commands_of_the_image_are_commands(name: str) -> None:
    """The command line takes them as they stand, and the config they read is mounted where they look for it."""
    command, *arguments = SERVICES[name]["command"]

    found = main.get_command(click.Context(main), command)
    assert found is not None
    given = found.make_context(command, list(arguments)).params

    if "config_file" in given:
        assert ("./stack/config.yaml", str(given["config_file"])) in set(mounts(name))
    else:
        assert command == "simulate"


def test_services_wait_for_services_that_there_are() -> None:
    """A service that is to be healthy tells whether it is: the image does, and the simulator by its own check."""
    conditions = {
        (other, wish["condition"])
        for service in SERVICES.values()
        for other, wish in service.get("depends_on", {}).items()
    }

    assert conditions == {
        ("simulator", "service_healthy"),
        ("exporter", "service_healthy"),
        ("rules", "service_completed_successfully"),
        ("dashboards", "service_completed_successfully"),
    }
    assert f":{own_ports('simulator')[0]}/" in SERVICES["simulator"]["healthcheck"]["test"][-1]
    assert f'"exporter.healthcheck", "127.0.0.1:{own_ports("exporter")[0]}"]' in (TOP / "Dockerfile").read_text()


def test_each_service_is_told_where_the_others_are() -> None:
    """Addresses in the configs are names and ports of services, also that of Prometheus which Grafana gets."""
    configs = [path.read_text() for path in (TOP / "stack").iterdir()]
    told = re.findall(r"\b(simulator|exporter|alertmanager|prometheus):(\d+)", "".join(configs))

    assert {name for name, _ in told} == {"simulator", "exporter", "alertmanager"}
    assert [(name, port) for name, port in told if own_ports(name) != [port]] == []
    assert SERVICES["grafana"]["environment"]["PROMETHEUS_URL"] == f"http://prometheus:{own_ports('prometheus')[0]}"
    assert load_config(TOP / "stack" / "config.yaml", {}).sources[0].url == "http://simulator:10846"


def test_prometheus_finds_its_config_and_the_rules() -> None:
    """It reads the rules that the config's own targets make, from the folder into which they were written."""
    config, where = TOP / "stack" / "prometheus.yml", dict(mounts("prometheus"))
    checked = subprocess.run(["promtool", "check", "config", "--syntax-only", config], capture_output=True, check=False)
    rules = Path(option("prometheus", "config.file")).parent / yaml.safe_load(config.read_text())["rule_files"][0]

    assert checked.returncode == 0, checked.stderr
    assert where["./stack/prometheus.yml"] == option("prometheus", "config.file")
    assert Path(where["rules"]) == rules.parent
    assert Path(option("rules", "output")) == Path(dict(mounts("rules"))["rules"]) / rules.name
    assert dict(mounts("alertmanager"))["./stack/alertmanager.yml"] == option("alertmanager", "config.file")


def test_the_stack_is_the_example_with_other_addresses_and_intervals() -> None:
    """Whoever copies the example gets what was seen in the stack."""

    def read(path: str) -> dict[str, Any]:
        text = re.sub(r"(exporter|alertmanager):(\d+)", r"localhost:\2", (TOP / path).read_text())
        document: dict[str, Any] = yaml.safe_load(text)
        return document

    assert {**read("stack/prometheus.yml"), "global": {}} == {**read("prometheus/prometheus.example.yml"), "global": {}}
    assert SERVICES["simulator"]["command"][2:] == list(WORLD)


def test_grafana_finds_what_it_is_provisioned_with() -> None:
    """The dashboards are where the provisioning looks for them, and each variable that it reads has a value."""
    provisioning = TOP / "grafana" / "provisioning"
    texts = [path.read_text() for path in provisioning.rglob("*.y*ml")]
    providers = [one for text in texts for one in yaml.safe_load(text).get("providers", [])]
    read = {name for text in texts for name in re.findall(r"\$\{([A-Z_]+)\}", text)}

    assert ("dashboards", providers[0]["options"]["path"]) in set(mounts("grafana"))
    assert Path(option("dashboards", "output")) == Path(dict(mounts("dashboards"))["dashboards"])
    assert read <= set(SERVICES["grafana"]["environment"])


def test_the_image_is_made_of_what_docker_is_shown() -> None:
    """All that is copied exists and is not ignored; what is not copied does not get near the image."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (TOP / "Dockerfile").read_text(), re.MULTILINE)
    shown = {line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    paths = {path for line in copied for path in line.split()}

    assert {path.split("/")[0] for path in paths} == shown
    assert [path for path in paths if not (TOP / path).exists()] == []


def test_the_image_has_the_versions_that_were_tested() -> None:
    """The lock of the image holds what is needed to run, each in the version and with the hashes of the tests' lock."""

    def pins(lock: str) -> dict[str, str]:
        text = re.sub(r"^ *#.*\n?", "", (TOP / "requirements" / lock).read_text(), flags=re.MULTILINE)
        return {pin.split("==")[0]: " ".join(pin.split()) for pin in re.split(r"\n(?=\S)", text)}

    run, tested = pins("run.lock"), pins("dev.lock")
    wanted = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]

    assert {name: pin.strip() for name, pin in run.items() if tested.get(name) != pin} == {}
    assert {re.split(r"[<>=~]", requirement)[0] for requirement in wanted} <= set(run)
    assert not {"pytest", "mypy", "grafana-foundation-sdk"} & set(run)
