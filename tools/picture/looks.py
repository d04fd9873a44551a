"""How things look: colours and numbers, much as Grafana's dark theme has them."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

TEXT, FAINT, LINK = "#ccccdc", "#8e8e99", "#6e9fff"
PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a")
_NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2", "yellow": "#fade2a"}
_TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def colour(name: str) -> str:
    """Return a colour as CSS has it."""
    return _NAMED.get(name, name)


def by_threshold(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the colour of the last step that a value reaches."""
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return colour(reached[-1]) if reached else TEXT


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value with its unit."""
    match unit:
        case "s":
            return _scaled(value, _TIMES, "s")
        case "bytes":
            return _scaled(value, _BYTES, "B")
        case "percentunit":
            return f"{100 * value:.{1 if decimals is None else decimals}f}%"
        case "bool_yes_no":
            return "Yes" if value else "No"
        case "dateTimeFromNow":
            return f"{_scaled(time.time() - value / 1000, _TIMES, 's')} ago"
        case "ops" | "reqps":
            return f"{_short(value)} {'req' if unit == 'reqps' else 'ops'}/s"
    return _short(value) if decimals is None else f"{value:.{decimals}f}"


def _scaled(value: float, scales: Sequence[tuple[float, str]], rest: str) -> str:
    for size, unit in scales:
        if abs(value) >= size:
            return f"{_short(value / size)} {unit}"
    return f"{_short(value)} {rest}"


def _short(value: float) -> str:
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value)}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 3)}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def ticks(top: float, unit: str) -> list[float]:
    """Return round values from 0 to `top` for an axis, for times in steps that clocks have."""
    steps: list[float] = [
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
        3600,
        7200,
        14400,
        21600,
        43200,
        86400,
        172800,
    ]
    if unit != "s" or top < 4:
        size = 10.0 ** math.floor(math.log10(top)) if top > 0 else 1.0
        steps = [size * factor for factor in (0.1, 0.2, 0.25, 0.5, 1, 2)]
        if unit == "none":
            steps = [step for step in steps if step >= 1] or [1]
    if unit == "bytes":
        steps = [2.0 ** (math.floor(math.log2(top)) - less) for less in (3, 2, 1, 0)]
    step = next((step for step in steps if top / step <= 4.5), steps[-1])
    return [step * index for index in range(int(top / step + 1e-9) + 1)]
