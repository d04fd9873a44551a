"""A dashboard as one HTML page: its panels where the grid has them, with what they got from a Prometheus."""

from collections.abc import Mapping
from html import escape
from typing import Any

from grafana.queries import filled
from tools.picture.asking import Source
from tools.picture.charts import heat, over_time
from tools.picture.figures import beside, numbers, table
from tools.picture.looks import FAINT, LINK, TEXT

WIDTH = 1440
_CELL, _GAP, _HEAD, _TITLE = 30, 8, 96, 34
_STYLE = f"""
* {{box-sizing:border-box}}
body {{margin:0; background:#111217; color:{TEXT}; font:13px Inter, "DejaVu Sans", "WenQuanYi Zen Hei", sans-serif}}
header {{padding:15px 16px 12px; font-size:17px; display:flex; justify-content:space-between}}
header small {{font-size:12px; color:{FAINT}}}
nav {{padding:0 16px; display:flex; gap:8px}}
nav span {{border:1px solid #2c3038; border-radius:3px; font-size:12px; overflow:hidden; display:flex}}
nav b {{background:#1d2027; color:{LINK}; font-weight:400; padding:5px 8px}}
nav i {{font-style:normal; padding:5px 8px}}
section {{position:absolute; background:#181b1f; border:1px solid #24282e; border-radius:3px; overflow:hidden}}
h2 {{margin:0; padding:9px 12px 0; font-size:13px; font-weight:500; height:{_TITLE}px}}
h3 {{position:absolute; margin:0; font-size:15px; font-weight:500; line-height:{_CELL}px}}
h3:before {{content:"\\2304"; margin-right:9px; color:{FAINT}}}
svg {{display:block}}
svg rect {{shape-rendering:crispEdges}}
svg text {{fill:{FAINT}; font-size:11px}}
svg .grid {{stroke:#ccccdc; stroke-opacity:.08}}
.legend {{padding:2px 12px; font-size:11px; white-space:nowrap; overflow:hidden; color:{TEXT}}}
.legend span {{margin-right:13px}}
.legend i {{display:inline-block; width:13px; height:4px; border-radius:2px; margin:0 5px 2px 0}}
.numbers {{display:flex; align-items:center; justify-content:space-around; height:calc(100% - {_TITLE}px - 8px)}}
.numbers div {{font-weight:500; text-align:center; line-height:1.15}}
.numbers small {{display:block; font-size:13px; color:{TEXT}; font-weight:400}}
.bars {{display:flex; flex-direction:column; justify-content:space-evenly; padding:0 14px;
  height:calc(100% - {_TITLE}px)}}
.bar span {{display:block; margin-bottom:6px}}
.bar b {{display:inline-block; width:78%; height:30px; background:#22252b; border-radius:2px; vertical-align:middle}}
.bar b i {{display:block; height:100%; border-radius:2px; opacity:.85}}
.bar em {{font-style:normal; font-size:22px; margin-left:12px; vertical-align:middle}}
table {{border-collapse:collapse; width:100%; font-size:12.5px}}
th {{text-align:left; color:{LINK}; font-weight:500; padding:6px 12px; white-space:nowrap;
  border-bottom:1px solid #2c3038}}
td {{padding:0 12px; height:29px; border-bottom:1px solid #22262c; max-width:230px; white-space:nowrap;
  overflow:hidden; text-overflow:ellipsis}}
.empty {{display:flex; align-items:center; justify-content:center; height:calc(100% - {_TITLE}px); color:{FAINT}}}
"""


def page(dashboard: Mapping[str, Any], source: Source) -> str:
    """Return the page; it tells itself that Grafana did not draw it."""
    panels = "".join(_placed(panel, source) for panel in dashboard["panels"])
    chosen = "".join(_variable(variable, source.values) for variable in dashboard["templating"]["list"])
    hours = (source.shown.end - source.shown.start) / 3600
    span = f"last {hours:.0f} hours" if hours >= 1 else f"last {60 * hours:.0f} minutes"
    note = f"drawn by tools/picture from the dashboard's JSON, not by Grafana &nbsp;·&nbsp; {span}"
    return (
        f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>'
        f"<header><span>{escape(dashboard['title'])}</span><small>{note}</small></header>"
        f"<nav>{chosen}</nav>{panels}"
    )


def height(dashboard: Mapping[str, Any]) -> int:
    """Return how high the page is, in pixels."""
    lowest = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    return int(lowest * (_CELL + _GAP) + _HEAD + _GAP)


def _variable(variable: Mapping[str, Any], values: Mapping[str, str]) -> str:
    if variable["name"] in ("datasource", "bkmonitor"):
        return ""
    value = values[variable["name"]]
    shown = "All" if value == variable.get("allValue") else value
    return f"<span><b>{escape(variable['label'])}</b><i>{escape(shown)}</i></span>"


def _placed(panel: Mapping[str, Any], source: Source) -> str:
    place = panel["gridPos"]
    column = (WIDTH - 24) / 24
    left, top = 12 + place["x"] * column, _HEAD + place["y"] * (_CELL + _GAP)
    width, high = place["w"] * column - _GAP, place["h"] * (_CELL + _GAP) - _GAP
    at = f"left:{left:.0f}px;top:{top:.0f}px;width:{width:.0f}px;height:{high:.0f}px"
    title = escape(filled(panel["title"], source.values))
    if panel["type"] == "row":
        return f'<h3 style="{at}">{title}</h3>'
    return f'<section style="{at}"><h2>{title}</h2>{_drawn(panel, source, width, high - _TITLE)}</section>'


def _drawn(panel: Mapping[str, Any], source: Source, width: float, high: float) -> str:
    series = source.series(panel)
    if not series:
        return f'<div class="empty">{escape(panel["fieldConfig"]["defaults"]["noValue"])}</div>'
    match panel["type"]:
        case "stat":
            return numbers(panel, series, width, high)
        case "bargauge":
            return beside(panel, series)
        case "table":
            return table(panel, series, high)
        case "heatmap":
            return heat(panel, series, source.exemplars(panel), source.shown, width, high)
    return over_time(panel, series, source.shown, width, high)
