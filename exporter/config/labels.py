"""Label names and values: which an alert may get from the config, and which are spoken for."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated

from exporter.config.model import Finding, listed, peek
from exporter.config.scalars import Reads, read_text
from exporter.config.words import shown

ALERT_ID = "[0-9A-Za-z._-]{1,128}"
"""The shape of an alert's id, as a pattern."""

LABEL_NAME = "(?!__)[a-zA-Z_][a-zA-Z0-9_]*"
"""The shape of a label's name, as a pattern: those that begin with `__` belong to Prometheus."""

# Labels that the exporter itself, Prometheus or the exposition format gives to some of our families.
RESERVED = frozenset(
    {
        "source",
        "alert_id",
        "alert_name",
        "strategy_id",
        "strategy_name",
        "operate",
        "status",
        "outcome",
        "acked",
        "shielded",
        "result",
        "le",
        "quantile",
        "shard",
        "endpoint",
        "code",
        "reason",
        "state",
        "job",
        "instance",
    }
)


def clashes(watches: object, fields: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each label of the watches (not yet validated) that an alert's own field is to become."""
    for index, watch in listed(watches):
        labels = peek(watch, "labels")
        for name in labels if isinstance(labels, Mapping) else ():
            if name in fields and name not in RESERVED:
                yield (index, "labels", name), "clashes with this field of the alert, chosen under labels:"


def _read_name(value: object) -> str:
    name = read_text(value)
    if name.startswith("__"):
        raise ValueError("label names that begin with __ belong to Prometheus")
    if not re.fullmatch(LABEL_NAME, name):
        raise ValueError("a label name has only letters, digits and _, and begins with no digit")
    if name in RESERVED:
        raise ValueError("this label name is reserved")
    return name


def read_label_value(value: object) -> str:
    """Return a text as it is, a number as it is written; raises ValueError, with a message for the user."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)
    hint = " (quote it)" if isinstance(value, bool) else ""
    raise ValueError(f"expected a text or a number, got {shown(value)}{hint}")


def _read_alert_id(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, bool | float):
        raise ValueError(f"expected an alert id, got {shown(text)} (quote it)")
    if not isinstance(text, str) or not re.fullmatch(ALERT_ID, text):
        raise ValueError(f'expected an alert id of up to 128 letters, digits, ".", "_" and "-", got {shown(text)}')
    return text


LabelName = Annotated[
    str, Reads(_read_name, {"title": "a label's name", "type": "string", "pattern": f"^{LABEL_NAME}$"})
]
LABEL_VALUE_SCHEMA = {"title": "a text or a number", "anyOf": [{"type": "string"}, {"type": "number"}]}

LabelValue = Annotated[str, Reads(read_label_value, LABEL_VALUE_SCHEMA)]
AlertId = Annotated[
    str,
    Reads(
        _read_alert_id,
        {
            "title": "a text or a whole number",
            "anyOf": [{"type": "string", "pattern": f"^{ALERT_ID}$"}, {"type": "integer"}],
        },
    ),
]
