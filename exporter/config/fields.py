"""Which fields of an alert become labels, and which of their values."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from exporter.config.labels import LABEL_VALUE_SCHEMA, read_label_value
from exporter.config.model import Finding, Model, Rule, listed, peek
from exporter.config.scalars import Reads, Some, did_you_mean
from exporter.config.words import kind, shown

AlertField = Literal["alert_name", "bk_biz_id", "bk_biz_name", "category", "severity", "strategy_id", "strategy_name"]
SEVERITIES = ("fatal", "warning", "remind")

OTHER = "other"
"""What stands for a value that is not listed."""


def severity_fault(value: object) -> str:
    """Return what is wrong with a value of the label `severity`, empty where nothing is."""
    if str(value) in SEVERITIES:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= len(SEVERITIES):
        meant = [SEVERITIES[value - 1]]
    else:
        meant = get_close_matches(str(value).lower(), SEVERITIES, 1)
    return f"expected fatal, warning or remind, got {shown(value)}{did_you_mean(meant)}"


def _read_listed(value: object) -> str:
    text = read_label_value(value)
    if not text:
        raise ValueError("expected a value: an alert whose field is empty has no such label")
    return text


def _values_make_sense(given: Mapping[str, object]) -> Iterator[Finding]:
    """Yield a finding for each listed value (not yet validated) that is there already, or that no alert has."""
    seen: set[str] = set()
    for index, value in listed(given.get("only")):
        if str(value) in seen:
            yield ("only", index), f"{shown(value)} is given twice"
        elif given.get("field") == "severity" and isinstance(value, str | int) and (fault := severity_fault(value)):
            yield ("only", index), fault
        seen.add(str(value))


class LabelSettings(Model):
    """A field of an alert that becomes a label, and which of its values do."""

    rules = (Rule(_values_make_sense),)

    field: AlertField
    """The field, by the name that BlueKing gives it; each once."""
    only: Some[Annotated[str, Reads(_read_listed, LABEL_VALUE_SCHEMA)]] | None = None
    """The values that become the label's; without it all do. Those of `severity` are `fatal`, `warning` and `remind`.
    Any other value becomes `other`; a field that is empty makes no label. `bkmonitor_flow_alert_info` tells each
    alert's own name and strategy all the same."""

    def value_of(self, text: str) -> str:
        """Return the label's value for the field's; a field that is empty has none."""
        return text if not text or self.only is None or text in self.only else OTHER


class _ByName:
    """Metadata of LabelSettings: the field's name alone stands for the mapping that holds no more than that."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the mapping with the reading of a name before it."""
        return core_schema.no_info_before_validator_function(_mapping_of, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of a name or the mapping."""
        name = {"title": "a field's name", "type": "string", "enum": list(get_args(AlertField))}
        return {"anyOf": [name, handler(core)]}


def _mapping_of(value: object) -> object:
    if isinstance(value, Mapping | LabelSettings):
        return value
    *names, last = get_args(AlertField)
    if not isinstance(value, str):
        raise ValueError(f"expected the name of a field, or a mapping of field and only, got {kind(value)}")
    if value not in (*names, last):
        raise ValueError(f"expected {', '.join(names)} or {last}, got {shown(value)}")
    return {"field": value}


Label = Annotated[LabelSettings, _ByName()]


def chosen_fields(labels: object) -> Iterator[tuple[int, object]]:
    """Yield what names the field in each element of a `labels:` that is not yet validated, with its index."""
    for index, element in listed(labels):
        yield index, element if isinstance(element, str) else peek(element, "field")


def listed_values(labels: object) -> dict[str, tuple[str, ...]]:
    """Return the values that the labels of a `labels:` (not yet validated) can have, of those that have a list."""
    found: dict[str, tuple[str, ...]] = {}
    for _, element in listed(labels):
        field, only = peek(element, "field"), tuple(str(value) for _, value in listed(peek(element, "only")))
        if isinstance(field, str) and only:
            found[field] = (*only, OTHER)
    return found
