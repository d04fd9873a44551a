"""deploy/kubernetes: that the objects fit together, and do what they say, as far as that shows without a cluster."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from exporter import __version__
from exporter.cli import main
from exporter.config import Settings, load_config
from exporter.rules import RUNBOOKS, rules_document

TOP = Path(__file__).parents[2]
KUBERNETES = TOP / "deploy" / "kubernetes"
APP = {"app.kubernetes.io/name": "bkmonitor-flow-exporter"}
NAME = "bkmonitor-flow-exporter"

Manifest = Mapping[str, Any]


def manifest(name: str) -> Manifest:
    """Return the one object of a file."""
    document: Manifest = yaml.safe_load((KUBERNETES / name).read_text())
    return document


KUSTOMIZATION = manifest("kustomization.yaml")
STATEFUL_SET = manifest("statefulset.yaml")
POD: Manifest = STATEFUL_SET["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def projected() -> Mapping[str, Manifest]:
    """Return the sources of the projected volume with the config, by kind."""
    (volume,) = (volume for volume in POD["spec"]["volumes"] if volume["name"] == "config")
    return {kind: source for entry in volume["projected"]["sources"] for kind, source in entry.items()}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """Lay out what the container finds: the ConfigMap's files, and the Secret's where it puts them."""
    for name in KUSTOMIZATION["configMapGenerator"][0]["files"]:
        shutil.copy(KUBERNETES / name, tmp_path)
    for item in projected()["secret"]["items"]:
        path = tmp_path / item["path"]
        path.parent.mkdir()
        path.write_text(manifest("secret.example.yaml")["stringData"][item["key"]])
    return tmp_path


def settings(folder: Path) -> Settings:
    """Return what the exporter reads there."""
    return load_config(folder / "config.yaml", {})


def probes() -> Mapping[str, Manifest]:
    """Return the container's probes by name."""
    return {key: value["httpGet"] for key, value in CONTAINER.items() if key.endswith("Probe")}


def test_everything_is_applied_but_the_secret() -> None:
    """Each manifest is among the resources; the example of a Secret is not, or it would overwrite the real one."""
    manifests = {path.name for path in KUBERNETES.glob("*.yaml")}

    assert manifests - set(KUSTOMIZATION["resources"]) == {"kustomization.yaml", "config.yaml", "secret.example.yaml"}
    assert set(KUSTOMIZATION["resources"]) <= manifests


def test_the_image_is_of_this_version() -> None:
    """The base names an image of the release that it comes with."""
    assert KUSTOMIZATION["images"] == [{"name": CONTAINER["image"], "newTag": __version__}]


def test_selectors_find_the_pod_and_the_service() -> None:
    """StatefulSet and Service select the pod, the ServiceMonitor the Service, by the labels that those have."""
    assert POD["metadata"]["labels"] == APP
    assert STATEFUL_SET["spec"]["selector"]["matchLabels"] == APP
    assert manifest("service.yaml")["spec"]["selector"] == APP
    assert manifest("service.yaml")["metadata"]["labels"] == APP
    assert manifest("servicemonitor.yaml")["spec"]["selector"]["matchLabels"] == APP


def test_names_refer_to_objects_that_there_are() -> None:
    """The pod names the Service, the ConfigMap and the Secret as they are named."""
    assert STATEFUL_SET["spec"]["serviceName"] == manifest("service.yaml")["metadata"]["name"]
    assert projected()["configMap"]["name"] == KUSTOMIZATION["configMapGenerator"][0]["name"] == NAME
    assert projected()["secret"]["name"] == manifest("secret.example.yaml")["metadata"]["name"]
    assert KUSTOMIZATION["generatorOptions"]["disableNameSuffixHash"] is True


def test_what_is_mounted_is_a_volume() -> None:
    """Each mount has a volume, each volume is mounted."""
    volumes = [volume["name"] for volume in POD["spec"]["volumes"]]
    claims = [claim["metadata"]["name"] for claim in STATEFUL_SET["spec"]["volumeClaimTemplates"]]

    assert sorted(volumes + claims) == sorted(mount["name"] for mount in CONTAINER["volumeMounts"])


def test_the_ports_are_one() -> None:
    """The Service leads to the port on which the exporter listens, and scrape and probes use it by its name."""
    command, *arguments = CONTAINER["args"]
    found = main.get_command(click.Context(main), command)
    assert found is not None
    _host, port = found.make_context(command, list(arguments)).params["address"]
    (service_port,) = manifest("service.yaml")["spec"]["ports"]
    (endpoint,) = manifest("servicemonitor.yaml")["spec"]["endpoints"]

    assert CONTAINER["ports"] == [{"name": "http", "containerPort": port}]
    assert service_port == {"name": endpoint["port"], "port": port, "targetPort": "http"}
    assert {probe["port"] for probe in probes().values()} == {"http"}


def test_the_args_are_a_command_and_name_the_config() -> None:
    """The command line takes them as they stand, and looks for the config where it is mounted."""
    command, *arguments = CONTAINER["args"]
    found = main.get_command(click.Context(main), command)
    assert found is not None
    given = found.make_context(command, list(arguments)).params
    (folder,) = (mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == "config")

    assert given["config_file"] == Path(folder, "config.yaml")


def test_the_config_loads_and_keeps_its_ledger_on_the_volume(mounted: Path) -> None:
    """It has all that it needs, for a missing secret is a fault; its ledger is on the claimed volume."""
    loaded = settings(mounted)
    (folder,) = (mount["mountPath"] for mount in CONTAINER["volumeMounts"] if mount["name"] == "ledger")

    assert loaded.ledger.url == f"sqlite:///{folder}/bkmonitor-flow.db"


def test_the_rules_are_those_of_the_config(mounted: Path) -> None:
    """The PrometheusRule holds what `rules` prints for the ConfigMap's config, no more and no less."""
    rules = manifest("prometheusrule.yaml")

    assert rules["kind"] == "PrometheusRule"
    assert rules["spec"] == yaml.safe_load(rules_document(settings(mounted), RUNBOOKS))


def test_each_probe_asks_what_it_is_for() -> None:
    """Kubernetes restarts what is not healthy: an exporter whose source is down is not to be restarted."""
    assert {name: probe["path"] for name, probe in probes().items()} == {
        "startupProbe": "/-/healthy",
        "livenessProbe": "/-/healthy",
        "readinessProbe": "/-/ready",
    }


def test_the_probes_behind_users_fit_the_pod() -> None:
    """The documented patch takes the place of each probe's request, and runs the image's own health check."""
    blocks = re.findall(r"```yaml\n(.+?)```", (TOP / "docs" / "operations.md").read_text(), re.DOTALL)
    (patch,) = (block for block in blocks if "Probe" in block)
    document = yaml.safe_load(patch)
    (container,) = document["spec"]["template"]["spec"]["containers"]
    changed = {key: value for key, value in container.items() if key.endswith("Probe")}
    command = changed["livenessProbe"]["exec"]["command"]

    assert document["metadata"]["name"] == STATEFUL_SET["metadata"]["name"]
    assert container["name"] == CONTAINER["name"]
    assert set(changed) == set(probes())
    assert [(probe["httpGet"], probe["exec"]["command"]) for probe in changed.values()] == [(None, command)] * 3
    assert json.dumps(command)[:-1] in (TOP / "Dockerfile").read_text()


def test_the_pod_may_do_nothing_it_need_not() -> None:
    """It fits the restricted pod security standard, is the image's user, and writes to its volumes only."""
    pod, container = POD["spec"]["securityContext"], CONTAINER["securityContext"]

    assert pod["runAsNonRoot"] is True
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in (TOP / "Dockerfile").read_text().splitlines()
    assert pod["fsGroup"] == pod["runAsGroup"]
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["spec"]["automountServiceAccountToken"] is False


def test_there_is_one_exporter_for_one_ledger() -> None:
    """A second replica would have a ledger of its own, and count everything a second time."""
    assert STATEFUL_SET["spec"]["replicas"] == 1


def test_anybody_can_make_the_rules_anew() -> None:
    """The tool that a manifest's head names makes that manifest, of the rules as `rules` prints them."""
    rules = (TOP / "prometheus" / "rules" / "bkmonitor-flow.yml").read_text()
    made = subprocess.run([TOP / "tools" / "prometheus-rule"], input=rules, capture_output=True, text=True, check=True)

    assert made.stdout == (KUBERNETES / "prometheusrule.yaml").read_text()
