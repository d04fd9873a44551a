"""Panels of the present as HTML: big numbers, bars beside their names, tables."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tools.picture.asking import Series
from tools.picture.looks import LINK, TEXT, by_threshold, written

_HIDDEN = {"Time", "__name__"}


def numbers(panel: Mapping[str, Any], series: Sequence[Series], width: float, height: float) -> str:
    """Return big numbers, each with its name where there are several."""
    defaults = panel["fieldConfig"]["defaults"]
    named = len(series) > 1 or panel["options"]["textMode"] == "value_and_name"
    lying = len(series) > 1 and width > height * 1.6
    room = min(
        (width / (len(series) if lying else 1)) / 5.2,
        height / (1 if lying else len(series)) / (2.3 if named else 1.9),
        54,
    )
    figures = ""
    for one in series:
        value = one.points[-1][1]
        shade = by_threshold(value, defaults["thresholds"]["steps"])
        name = f"<small>{escape(one.name)}</small>" if named else ""
        text = written(value, defaults["unit"])
        figures += f'<div style="color:{shade};font-size:{room:.0f}px">{name}{escape(text)}</div>'
    return f'<div class="numbers" style="flex-direction:{"row" if lying else "column"}">{figures}</div>'


def beside(panel: Mapping[str, Any], series: Sequence[Series]) -> str:
    """Return bars from 0 to 1 beside their names."""
    defaults = panel["fieldConfig"]["defaults"]
    bars = ""
    for one in series:
        value = one.points[-1][1]
        shade = by_threshold(value, defaults["thresholds"]["steps"])
        bars += (
            f'<div class="bar"><span>{escape(one.name)}</span><b><i style="width:{100 * min(1, max(0, value)):.1f}%;'
            f'background:{shade}"></i></b><em style="color:{shade}">{written(value, defaults["unit"])}</em></div>'
        )
    return f'<div class="bars">{bars}</div>'


def table(panel: Mapping[str, Any], series: Sequence[Series], height: float) -> str:
    """Return a table, merged and arranged as the panel's transformations say, as far as there is room."""
    arranged = panel["transformations"][1]["options"]
    names: dict[str, str] = arranged["renameByName"]
    rows = _merged(panel, series)
    found = dict.fromkeys(name for row in rows for name in row)
    places = arranged["indexByName"]
    columns = sorted((name for name in found if name not in _HIDDEN), key=lambda name: places.get(name, len(places)))
    for order in panel["options"].get("sortBy") or ():
        key = next(name for name in columns if names.get(name, name) == order["displayName"])
        rows.sort(key=lambda row: float(row.get(key, "-inf")), reverse=order["desc"])
    head = "".join(f"<th>{escape(names.get(name, name))}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(_cell(panel, names.get(name, name), row.get(name)) for name in columns)}</tr>"
        for row in rows[: int((height - 34) // 29)]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _merged(panel: Mapping[str, Any], series: Sequence[Series]) -> list[dict[str, str]]:
    """Return the rows of all queries, those joined that agree in the labels which every query has."""
    refs = [target["refId"] for target in panel["targets"]]
    labels = [{name for one in series if one.ref == ref for name in one.labels} for ref in {one.ref for one in series}]
    shared = set.intersection(*labels)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for one in series:
        key = tuple(one.labels.get(name, "") for name in sorted(shared))
        if len(refs) == 1:
            key = tuple(f"{name}={value}" for name, value in sorted(one.labels.items()))
        value = "Value" if len(refs) == 1 else f"Value #{one.ref}"
        rows.setdefault(key, {}).update({**one.labels, value: repr(one.points[-1][1])})
    return list(rows.values())


def _cell(panel: Mapping[str, Any], column: str, text: str | None) -> str:
    properties = {
        one["id"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == column
        for one in override["properties"]
    }
    if text is None:
        return "<td></td>"
    if "links" in properties:
        return f'<td style="color:{LINK}">{escape(text)}</td>'
    unit = properties.get("unit", panel["fieldConfig"]["defaults"]["unit"])
    try:
        value = float(text) if unit != "string" and "." in text else None
    except ValueError:
        value = None
    if value is None:
        return f"<td>{escape(text)}</td>"
    shade = by_threshold(value, properties["thresholds"]["steps"]) if "thresholds" in properties else TEXT
    return f'<td class="value" style="color:{shade}">{written(value, unit, properties.get("decimals"))}</td>'
