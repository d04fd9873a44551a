"""Where the metrics may be served."""

import pytest

from exporter.web import parse_telemetry_path
from exporter.web.config_page import add_config_page
from exporter.web.reload import add_reload
from tests.web.site import application, moment_of


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe/metrics/", "/configuration", "/alerts-metrics", "/指标"])
def test_a_path_of_its_own_is_good(path: str) -> None:
    """Anything that the exporter serves nothing else at."""
    assert parse_telemetry_path(path) == path


@pytest.mark.parametrize("path", ["", "metrics", "//metrics", "/a b", "/a?b", "/<x>", "/a%20b", "/a\\b", "/a\n"])
def test_what_is_no_path_is_refused(path: str) -> None:
    """What no request asks for, or what Flask reads as a pattern; the error says what would be right."""
    with pytest.raises(ValueError, match="expected a path such as /metrics, got ") as refused:
        parse_telemetry_path(path)
    assert repr(path) in str(refused.value)


def test_what_the_exporter_serves_already_is_refused() -> None:
    """Each endpoint of the application, so that none is hidden behind the metrics, nor they behind it."""
    app = application(moment_of([]))
    add_reload(app, None)
    add_config_page(app, lambda: "")
    paths = {rule.rule.replace("<", "").replace(">", "") for rule in app.url_map.iter_rules()} - {"/", "/metrics"}

    assert {"/config", "/-/ready", "/api/v1/alerts", "/alerts/source/alert_id"} <= paths
    for path in paths:
        with pytest.raises(ValueError, match="something else is served"):
            parse_telemetry_path(path)
