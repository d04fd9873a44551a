"""What a dashboard's panels get from a Prometheus, asked as Grafana asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from exporter.config import parse_duration
from grafana.queries import everything, filled

SCRAPED_EVERY = 15.0
_POINTS = 240


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, its name in the legend, and its points of unix seconds and value."""

    ref: str
    labels: Mapping[str, str]
    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Range:
    """What a picture shows: from when until when, in unix seconds."""

    start: float
    end: float

    def step(self, panel: Mapping[str, Any]) -> float:
        """Return the seconds from point to point of a panel."""
        least = float(parse_duration(panel.get("interval", "15s")))
        fine = (self.end - self.start) / (panel.get("maxDataPoints") or _POINTS)
        return max(least, -(-fine // least) * least)


class Source:
    """A Prometheus, with the values that the variables of a dashboard have."""

    def __init__(self, url: str, dashboard: Mapping[str, Any], chosen: Mapping[str, str], shown: Range) -> None:
        self._url = url
        self.values = {**everything(dashboard), **chosen}
        self.shown = shown

    def series(self, panel: Mapping[str, Any]) -> list[Series]:
        """Return all series of a panel; raises requests.HTTPError for a query that Prometheus does not take."""
        return [series for target in panel["targets"] for series in self._answer(panel, target)]

    def exemplars(self, panel: Mapping[str, Any]) -> list[tuple[float, float]]:
        """Return time and value of the exemplars of a panel's queries."""
        params = {"start": self.shown.start, "end": self.shown.end}
        found = [
            exemplar
            for target in panel["targets"]
            for series in self._get("query_exemplars", query=self._filled(panel, target), **params)
            for exemplar in series["exemplars"]
        ]
        return [(float(exemplar["timestamp"]), float(exemplar["value"])) for exemplar in found]

    def _answer(self, panel: Mapping[str, Any], target: Mapping[str, Any]) -> list[Series]:
        query = self._filled(panel, target)
        if target.get("instant"):
            result = self._get("query", query=query, time=self.shown.end)["result"]
            points = [[one["value"]] for one in result]
        else:
            step = self.shown.step(panel)
            start, end = (moment // step * step for moment in (self.shown.start, self.shown.end))
            result = self._get("query_range", query=query, start=start, end=end, step=step)["result"]
            points = [one["values"] for one in result]
        return [
            Series(
                target["refId"],
                one["metric"],
                _legend(target.get("legendFormat", ""), one["metric"]),
                [(float(at), float(value)) for at, value in values],
            )
            for one, values in zip(result, points, strict=True)
        ]

    def _filled(self, panel: Mapping[str, Any], target: Mapping[str, Any]) -> str:
        step = self.shown.step(panel)
        spans = {
            "__range": f"{self.shown.end - self.shown.start:.0f}s",
            "__rate_interval": f"{max(step + SCRAPED_EVERY, 4 * SCRAPED_EVERY):.0f}s",
        }
        return filled(target["expr"], {**self.values, **spans})

    def _get(self, path: str, **params: object) -> Any:
        answer = requests.post(f"{self._url}/api/v1/{path}", data=params, timeout=60)
        answer.raise_for_status()
        return answer.json()["data"]


def _legend(template: str, labels: Mapping[str, str]) -> str:
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    while "{{" in template:
        template = template[: template.index("{{")] + template[template.index("}}") + 2 :]
    return " ".join(template.split())
