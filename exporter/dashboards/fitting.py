"""Fits a bundled dashboard to an outlook: whatever the bundled outlook put into it gives way to that of another one."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from exporter.dashboards.links import BLUEKING, alert_link, home
from exporter.dashboards.outlook import BUNDLED, Outlook
from exporter.dashboards.queries import budget_left, matchers, past_target
from exporter.rules.targets import Target

BUDGET = "BUDGET_"
"""How the names begin of queries of which there is one for each ack target."""
PAST = "PAST"
"""The name of queries that make sense only where there are ack targets."""

_JSON = dict[str, Any]


def fitted(dashboard: _JSON, outlook: Outlook) -> _JSON:
    """Return a bundled dashboard as it is for another outlook; `dashboard` stays as it was."""
    new: _JSON = json.loads(json.dumps(dashboard), object_hook=_with_thresholds(outlook.targets))
    for panel in new["panels"]:
        if "targets" in panel:
            panel["targets"] = _queries(panel["targets"], outlook)
    new["templating"]["list"] = _variables(new["templating"]["list"], outlook)
    if home(outlook.alert_url) is None:
        new["links"] = [link for link in new["links"] if link.get("url") != BLUEKING]
    result: _JSON = _replaced(new, _replacements(outlook))
    return result


def ack_steps(targets: Sequence[Target]) -> list[_JSON]:
    """Return the thresholds of a time without acknowledgement: from the shortest target on, and from the longest."""
    times = sorted({target.within for target in targets})
    colours = ("orange", "red")[-len(times) :]
    ends = dict(zip(colours, (times[0], times[-1]) if len(times) > 1 else times, strict=True)) if times else {}
    return [{"value": None, "color": "green"}, *({"value": at, "color": colour} for colour, at in ends.items())]


def alert_matchers(outlook: Outlook) -> str:
    """Return the matchers of every query on alerts."""
    return ",".join(matchers(outlook.labels))


def choices(names: Sequence[str], chosen: str) -> _JSON:
    """Return what a custom variable has: its values, of which one is chosen."""
    options = [{"text": name, "value": name, "selected": name == chosen} for name in names]
    return {"query": ",".join(names), "options": options, "current": options[names.index(chosen)]}


def _with_thresholds(targets: Sequence[Target]) -> Callable[[_JSON], _JSON]:
    bundled, new = ack_steps(BUNDLED.targets), ack_steps(targets)
    return lambda part: {**part, "steps": new} if part.get("steps") == bundled else part


def _replacements(outlook: Outlook) -> list[tuple[str, str]]:
    """Return texts and what stands in their place, the longer ones before their parts."""
    pairs = [(alert_link(None), alert_link(outlook.alert_url)), (alert_matchers(BUNDLED), alert_matchers(outlook))]
    pairs.append((target_legend(BUNDLED.targets), target_legend(outlook.targets)))
    if outlook.targets:
        old, new = (past_target(one.targets, matchers(one.labels)) for one in (BUNDLED, outlook))
        pairs.insert(0, (old, new))
    address = home(outlook.alert_url)
    return pairs if address is None else [*pairs, (BLUEKING, address)]


def _replaced(part: Any, pairs: Sequence[tuple[str, str]]) -> Any:
    if isinstance(part, dict):
        return {name: _replaced(inner, pairs) for name, inner in part.items()}
    if isinstance(part, list):
        return [_replaced(inner, pairs) for inner in part]
    if isinstance(part, str):
        for old, new in pairs:
            part = part.replace(old, new)
    return part


def _queries(queries: Sequence[_JSON], outlook: Outlook) -> list[_JSON]:
    shared = matchers(outlook.labels)
    kept = [query for query in queries if not query["refId"].startswith(BUDGET)]
    if not outlook.targets:
        kept = [query for query in kept if query["refId"] != PAST]
    model = next((query for query in queries if query["refId"].startswith(BUDGET)), None)
    if model is None:
        return kept
    return kept + [
        {**model, "refId": f"{BUDGET}{index}", "expr": budget_left(target, shared), "legendFormat": budget_name(target)}
        for index, target in enumerate(outlook.targets)
    ]


def budget_name(target: Target) -> str:
    """Return how a target is called beside its budget."""
    alerts = ", ".join(target.match.values()) or "all alerts"
    return f"{alerts}: {100 * target.objective:.6g} % within {target.time}"


def target_legend(targets: Sequence[Target]) -> str:
    """Return the legend of the series of the targets themselves, with every label that one of them names."""
    names = dict.fromkeys(name for target in targets for name in target.match)
    return " ".join(["target", *(f"{{{{{name}}}}}" for name in names)])


def _variables(variables: Sequence[_JSON], outlook: Outlook) -> list[_JSON]:
    """Return the variables: those of labels anew, after the model of the first one."""
    model = next((variable for variable in variables if variable["name"] == BUNDLED.labels[0]), None)
    new: list[_JSON] = []
    for variable in variables:
        if variable["name"] == "by":
            variable = {**variable, **choices(outlook.by, outlook.by[0])}
        if variable is model:
            new += [_replaced(model, [(BUNDLED.labels[0], label)]) for label in outlook.labels]
        elif variable["name"] not in BUNDLED.labels and not (variable["name"] == "bkmonitor" and outlook.alert_url):
            new.append(variable)
    return new
