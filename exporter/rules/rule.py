"""What a rule file is made of, and how it is written: groups of recording and alerting rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import yaml

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A series that Prometheus records: `record` is its name, `labels` are added to those of `expr`."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def as_mapping(self) -> dict[str, object]:
        """Return the rule as a rule file has it."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.record, "expr": self.expr, **labels}


@dataclass(frozen=True, slots=True)
class Alerting:
    """An alert that Prometheus fires for each series of `expr`.

    `severity` is `critical`, `warning`, or a template that comes to one of them. `wait` is how long the condition must
    hold, `keep` how long it goes on firing afterwards, both as Prometheus writes durations; empty for not at all.
    Labels and annotations are templates.
    """

    alert: str
    expr: str
    severity: Severity | str
    summary: str
    description: str
    wait: str = ""
    keep: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def as_mapping(self, runbooks: str) -> dict[str, object]:
        """Return the rule as a rule file has it; its runbook is a page below the address `runbooks`."""
        times = {"for": self.wait, "keep_firing_for": self.keep}
        return {
            "alert": self.alert,
            "expr": self.expr,
            **{name: time for name, time in times.items() if time},
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                **self.links,
                "runbook_url": f"{runbooks}/{self.alert}.md",
            },
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, at the same time; a later one sees what an earlier one recorded.

    `interval` is how often, as Prometheus writes durations; empty for the interval of the Prometheus that loads it.
    """

    name: str
    rules: tuple[Recording | Alerting, ...]
    interval: str = ""

    def as_mapping(self, runbooks: str) -> dict[str, object]:
        """Return the group as a rule file has it."""
        rules = [rule.as_mapping(runbooks) if isinstance(rule, Alerting) else rule.as_mapping() for rule in self.rules]
        interval = {"interval": self.interval} if self.interval else {}
        return {"name": self.name, **interval, "rules": rules}


def write(groups: Iterable[Group], runbooks: str) -> str:
    """Return a rule file in YAML: the order is that of `groups`, expressions stand as they were laid out."""
    document = {"groups": [group.as_mapping(runbooks) for group in groups]}
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and a text that is given twice twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        # Lists stand deeper than their key, as in Prometheus' own examples.
        del indentless
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
