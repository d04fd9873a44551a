"""Panels over time as SVG: lines, stacked bars, heat maps."""

import time
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from tools.picture.asking import Range, Series
from tools.picture.looks import PALETTE, colour, ticks, written

_TOP, _BOTTOM, _RIGHT = 8.0, 22.0, 10.0
_LETTER = 6.6  # pixels
_HEAT = ("#3b1f10", "#6b3410", "#a34b0c", "#d9660b", "#ff8f2b", "#ffb870", "#ffe3c2")


class Plot:
    """Where in a panel of `width` and `height` pixels a moment and a value lie, and the marks drawn so far."""

    def __init__(self, shown: Range, top: float, width: float, height: float) -> None:
        self._shown = shown
        self._top = top or 1.0
        self.width, self.height = width, height
        self.left = 0.0
        self.marks: list[str] = []

    def x(self, at: float) -> float:
        """Return where a moment lies."""
        part = (at - self._shown.start) / (self._shown.end - self._shown.start)
        return self.left + part * (self.width - self.left - _RIGHT)

    def y(self, value: float) -> float:
        """Return where a value lies."""
        return _TOP + (1 - value / self._top) * (self.height - _TOP - _BOTTOM)

    def axes(self, labels: Sequence[tuple[float, str]]) -> None:
        """Draw a horizontal line for each label of the value axis, and round moments."""
        self.left = 20 + _LETTER * max(len(label) for _, label in labels)
        for value, label in labels:
            y = self.y(value)
            self.marks.append(
                f'<line x1="{self.left:.1f}" x2="{self.width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            )
            self.marks.append(f'<text x="{self.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>')
        for at, label in _moments(self._shown):
            x = self.x(at)
            bottom = self.height - _BOTTOM
            self.marks.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" class="grid"/>')
            self.marks.append(f'<text x="{x:.1f}" y="{self.height - 5}" text-anchor="middle">{label}</text>')

    def svg(self) -> str:
        """Return the drawing."""
        return f'<svg width="{self.width:.0f}" height="{self.height:.0f}">{"".join(self.marks)}</svg>'


def over_time(panel: Mapping[str, Any], series: Sequence[Series], shown: Range, width: float, height: float) -> str:
    """Return lines or stacked bars with their legend."""
    looks = [_look(panel, one, index) for index, one in enumerate(series)]
    custom = panel["fieldConfig"]["defaults"]["custom"]
    height -= 26
    if custom.get("drawStyle") == "bars":
        plot = _bars(panel, series, looks, shown, width, height)
    else:
        plot = _lines(panel, series, looks, shown, width, height)
    names = "".join(
        f'<span><i style="background:{look["colour"]}"></i>{escape(one.name)}</span>'
        for one, look in zip(series, looks, strict=True)
    )
    return f'{plot.svg()}<div class="legend">{names}</div>'


def _plot(panel: Mapping[str, Any], top: float, shown: Range, width: float, height: float) -> Plot:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    plot = Plot(shown, top * 1.06, width, height)
    plot.axes([(value, written(value, unit)) for value in ticks(top * 1.06, unit)])
    return plot


def _lines(
    panel: Mapping[str, Any], series: Sequence[Series], looks: Sequence[Mapping[str, str]], shown: Range, *size: float
) -> Plot:
    plot = _plot(panel, max(value for one in series for _, value in one.points), shown, *size)
    gap = 1.5 * shown.step(panel)
    for one, look in zip(series, looks, strict=True):
        parts: list[list[tuple[float, float]]] = [[one.points[0]]]
        for before, after in pairwise(one.points):
            if after[0] - before[0] > gap:
                parts.append([])
            parts[-1].append(after)
        for part in parts:
            if len(part) == 1:
                at, value = part[0]
                plot.marks.append(
                    f'<circle cx="{plot.x(at):.1f}" cy="{plot.y(value):.1f}" r="2" fill="{look["colour"]}"/>'
                )
            path = " ".join(f"{plot.x(at):.1f},{plot.y(value):.1f}" for at, value in part)
            if look["dash"] == "none":
                ends = f"{plot.x(part[-1][0]):.1f},{plot.y(0):.1f} {plot.x(part[0][0]):.1f},{plot.y(0):.1f}"
                plot.marks.append(f'<polygon points="{path} {ends}" fill="{look["colour"]}" opacity="0.08"/>')
            plot.marks.append(
                f'<polyline points="{path}" fill="none" stroke="{look["colour"]}" stroke-width="1.6"'
                f' stroke-dasharray="{look["dash"]}" stroke-linejoin="round"/>'
            )
    return plot


def _bars(
    panel: Mapping[str, Any], series: Sequence[Series], looks: Sequence[Mapping[str, str]], shown: Range, *size: float
) -> Plot:
    sums: dict[float, float] = {}
    for one in series:
        for at, value in one.points:
            sums[at] = sums.get(at, 0.0) + value
    plot = _plot(panel, max(sums.values()), shown, *size)
    step = shown.step(panel)
    reached: dict[float, float] = {}
    for one, look in zip(series, looks, strict=True):
        for at, value in one.points:
            base = reached.get(at, 0.0)
            reached[at] = base + value
            left, right = max(plot.left, plot.x(at - step) + 0.7), plot.x(at) - 0.7
            if value > 0 and right > left:
                top, bottom = plot.y(base + value), plot.y(base)
                plot.marks.append(
                    f'<rect x="{left:.1f}" width="{right - left:.1f}" y="{top:.1f}" height="{bottom - top:.1f}"'
                    f' fill="{look["colour"]}" opacity="0.9"/>'
                )
    return plot


def heat(
    panel: Mapping[str, Any],
    series: Sequence[Series],
    exemplars: Sequence[tuple[float, float]],
    shown: Range,
    width: float,
    height: float,
) -> str:
    """Return a heat map of cumulative buckets, a row for each, with dots for exemplars."""
    buckets = sorted(((float(one.labels["le"]), dict(one.points)) for one in series), key=lambda bucket: bucket[0])
    used = [i for i, (_, points) in enumerate(buckets) if any(_own(buckets, i, at) > 0.01 for at in points)]
    rows = range(used[0], used[-1] + 1)
    plot = Plot(shown, len(rows), width, height)
    labels = [written(buckets[i][0], "s") if buckets[i][0] != float("inf") else "more" for i in rows]
    plot.axes([(row + 1, label) for row, label in enumerate(labels)])
    most = max(_own(buckets, i, at) for i in rows for at in buckets[i][1])
    step = shown.step(panel)
    for row, i in enumerate(rows):
        for at in buckets[i][1]:
            count = _own(buckets, i, at)
            left, right = max(plot.left, plot.x(at - step)), plot.x(at)
            if count > 0.01 and right > left:
                shade = _HEAT[min(len(_HEAT) - 1, int((count / most) ** 0.5 * len(_HEAT)))]
                plot.marks.append(
                    f'<rect x="{left + 0.5:.1f}" width="{right - left - 1:.1f}" y="{plot.y(row + 1) + 0.5:.1f}"'
                    f' height="{plot.y(row) - plot.y(row + 1) - 1:.1f}" fill="{shade}"/>'
                )
    for at, value in exemplars:
        lies_in = next((row for row, i in enumerate(rows) if value <= buckets[i][0]), None)
        if lies_in is not None:
            plot.marks.append(f'<circle cx="{plot.x(at):.1f}" cy="{plot.y(lies_in + 0.5):.1f}" r="3" fill="#5fafff"/>')
    return plot.svg()


def _own(buckets: Sequence[tuple[float, Mapping[float, float]]], index: int, at: float) -> float:
    """Return what is in a bucket and not in the one below."""
    below = buckets[index - 1][1].get(at, 0.0) if index else 0.0
    return buckets[index][1].get(at, 0.0) - below


def _look(panel: Mapping[str, Any], series: Series, index: int) -> dict[str, str]:
    look = {"colour": PALETTE[index % len(PALETTE)], "dash": "none"}
    for override in panel["fieldConfig"]["overrides"]:
        wanted = str(override["matcher"]["options"])
        if series.name == wanted or (wanted.startswith("/^") and series.name.startswith(wanted.strip("/^"))):
            for one in override["properties"]:
                if one["id"] == "color":
                    look["colour"] = colour(one["value"]["fixedColor"])
                if one["id"] == "custom.lineStyle":
                    look["dash"] = "7 6"
    return look


def _moments(shown: Range) -> list[tuple[float, str]]:
    length = shown.end - shown.start
    step = next((s for s in (60, 120, 300, 600, 1800, 3600, 10800, 14400, 21600) if length / s <= 7), 43200)
    first = int(shown.start // step + 1) * step
    return [
        (float(at), time.strftime("%H:%M", time.localtime(at)))
        for at in range(first, int(shown.end) + 1, step)
        if shown.start + length * 0.03 < at < shown.end - length * 0.02
    ]
