"""Who makes demands on an exporter during a soak: scrapes in every form, pages, the API, reloads."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import requests
import yaml

from tests.e2e.harness import ExporterProcess
from tests.e2e.reloading import post, reload_by_signal

_TIMEOUT = 30.0
_TEXT = "text/plain;version=0.0.4"
_OPENMETRICS = "application/openmetrics-text;version=1.0.0"
_NAMES = "name[]=bkmonitor_flow_records_total&name[]=bkmonitor_flow_open_alerts"
_PAGES = ("/", "/?q=cpu&state=open", "/api/v1/alerts?per_page=100", "/api/v1/sources", "/config", "/-/ready")


class Readers:
    """One who keeps a connection, as Prometheus does, and others who come but once."""

    def __init__(self, exporter: ExporterProcess) -> None:
        self._exporter = exporter
        self._kept = requests.Session()
        self._questions = itertools.cycle(_questions())
        self.answers = 0

    def ask(self) -> None:
        """Make the next request in both ways; raises where an answer is not 200."""
        path, headers = next(self._questions)
        for get in (self._kept.get, requests.get):
            self._get(get, path, headers)

    def look_at_an_alert(self) -> None:
        """Open the page of whichever alert the API tells of first."""
        alerts = self._get(self._kept.get, "/api/v1/alerts", {}).json()["alerts"]
        self._get(self._kept.get, alerts[0]["page"], {})

    def close(self) -> None:
        """End the kept connection."""
        self._kept.close()

    def _get(self, get: Callable[..., requests.Response], path: str, headers: Mapping[str, str]) -> requests.Response:
        answer = get(self._exporter.url + path, headers=headers, timeout=_TIMEOUT)
        answer.raise_for_status()
        self.answers += 1
        return answer


def _questions() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield paths and headers: between two pages a scrape in every form, of all families and of some."""
    for page in _PAGES:
        for accept, encoding in itertools.product((_TEXT, _OPENMETRICS), ("identity", "gzip")):
            for path in ("/metrics", f"/metrics?{_NAMES}"):
                yield path, {"Accept": accept, "Accept-Encoding": encoding}
        yield page, {}


def reload(exporter: ExporterProcess, config: Path, document: Mapping[str, object], *, by_signal: bool) -> None:
    """Change the config, and have it come into force; before that, a config with a fault changes nothing."""
    config.write_text(yaml.safe_dump({**document, "poll": {"interval": "ten"}}))
    assert post(exporter).status_code == 500
    config.write_text(yaml.safe_dump(document))
    if by_signal:
        reload_by_signal(exporter)
    else:
        assert post(exporter).status_code == 200
