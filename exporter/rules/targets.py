"""Ack targets as rules see them: each selects its own alerts, those that no earlier target has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from exporter.config import AckTargetSettings, format_duration
from exporter.rules.promql import quoted, selector

_TAKEN = frozenset({"alertname", "ack_target", "source"})  # the rules' own, and one that every series has


@dataclass(frozen=True, slots=True)
class Target:
    """An ack target: `within` in seconds, `objective` from 0 to 1, and its alerts.

    `others` are matchers that leave out the alerts of earlier targets; `unless` are label sets that do where a matcher
    cannot, because several labels together make the difference.
    """

    match: Mapping[str, str]
    within: float
    objective: float
    others: tuple[str, ...]
    unless: tuple[Mapping[str, str], ...]

    @property
    def name(self) -> str:
        """The value of the label `ack_target`: what the target matches."""
        return ",".join(f"{name}={value}" for name, value in self.match.items()) or "all"

    @property
    def time(self) -> str:
        """The time within which to acknowledge, as people write it."""
        return format_duration(self.within)

    @property
    def labels(self) -> dict[str, str]:
        """The labels that all alerts of the target share, to route by; `severity` is the rule's own."""
        named = {"bk_severity" if name == "severity" else name: value for name, value in self.match.items()}
        return {name: value for name, value in named.items() if name not in _TAKEN}

    def select(self, metric: str, *matchers: str, of: Callable[[str], str] = str) -> str:
        """Return the series of `metric` of the target's alerts, each selector in the form that `of` gives."""
        expr = of(selector(metric, self.match, *matchers, *self.others))
        return "\nunless ".join([expr, *(of(selector(metric, labels, *matchers)) for labels in self.unless)])


def ordered_targets(settings: Sequence[AckTargetSettings]) -> list[Target]:
    """Return the targets in their order; the first that matches an alert has it.

    One that matches an empty value is left out: no alert has such a label, while to PromQL every other alert has it.
    """
    targets: list[Target] = []
    for target in settings:
        if all(target.match.values()):
            others, unless = _without(target.match, [earlier.match for earlier in targets])
            targets.append(Target(target.match, target.within, target.objective, others, unless))
    return targets


def _without(
    match: Mapping[str, str], earlier: Sequence[Mapping[str, str]]
) -> tuple[tuple[str, ...], tuple[Mapping[str, str], ...]]:
    others: dict[str, None] = {}
    unless: list[Mapping[str, str]] = []
    for rest in _overlapping(match, earlier):
        if len(rest) == 1:
            others.update({f"{name}!={quoted(value)}": None for name, value in rest.items()})
        else:
            unless.append({**match, **rest})
    return tuple(others), tuple(unless)


def _overlapping(match: Mapping[str, str], earlier: Sequence[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """Yield, of each earlier target that can have an alert of `match`, the labels that `match` leaves open."""
    for labels in earlier:
        if all(match.get(name, value) == value for name, value in labels.items()):
            yield {name: value for name, value in labels.items() if name not in match}
