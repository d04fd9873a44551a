"""The queries of dashboards, as a data source gets them: extracted from JSON, with the variables filled in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a panel; `empty` is what the panel says where it gets no data."""

    panel: str
    ref: str
    expr: str
    legend: str
    is_instant: bool
    empty: str


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the panels that show something, not the rows; those within rows as well."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panels(panel)
        else:
            yield panel


def queries(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    """Yield every query of a dashboard."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Query(
                panel["title"],
                target["refId"],
                target["expr"],
                target.get("legendFormat", ""),
                target.get("instant", False),
                panel["fieldConfig"]["defaults"].get("noValue", ""),
            )


def label_values(variable: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the series and the label whose values a variable has; None for a variable that asks no data source."""
    if variable["type"] != "query":
        return None
    match = _LABEL_VALUES.fullmatch(variable["query"]["query"])
    return (match[1], match[2]) if match else None


def everything(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """Return the value of each variable as the dashboard opens: all of what can be chosen, else what is chosen."""
    return {
        variable["name"]: variable["allValue"] if variable.get("includeAll") else _chosen(variable)
        for variable in dashboard["templating"]["list"]
    }


def choices(variable: Mapping[str, Any]) -> list[str]:
    """Return what can be chosen without asking a data source."""
    return [option["value"] for option in variable.get("options") or ()]


def several(values: Iterable[str]) -> str:
    """Return several values of a variable as they are filled into a matcher."""
    escaped = [re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables filled in; a name without a value stays, as in Grafana."""
    return _NAME.sub(lambda match: values.get(match[1] or match[2], match[0]), text)


def _chosen(variable: Mapping[str, Any]) -> str:
    return str((variable.get("current") or {}).get("value", ""))
