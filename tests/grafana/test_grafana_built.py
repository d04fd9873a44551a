"""The dashboards in JSON are what the code beside them builds, and what Grafana's own types know."""

import json

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from exporter.dashboards import BUNDLED, bundled, fitted
from grafana.build import FOLDER, documents


def test_the_code_builds_what_is_committed() -> None:
    """Who changes one without the other is told to run `make dashboards`."""
    assert documents() == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}


@pytest.mark.parametrize("name", sorted(bundled()))
def test_grafana_knows_every_key(name: str) -> None:
    """Read into the types of the schema and written again, nothing is gone and nothing is otherwise."""
    register_default_plugins()
    dashboard = bundled()[name]

    assert json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))) == dashboard


@pytest.mark.parametrize("name", sorted(bundled()))
def test_fitted_to_the_bundled_outlook_nothing_changes(name: str) -> None:
    """What code builds for the bundled outlook, and what a dashboard is fitted to, is one and the same."""
    assert fitted(bundled()[name], BUNDLED) == bundled()[name]
