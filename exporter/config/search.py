"""The settings of a search: which alerts a watch selects by what BlueKing knows of them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from exporter.config.labels import LABEL_VALUE_SCHEMA, read_label_value
from exporter.config.model import Model
from exporter.config.scalars import Reads, Some, Text, read_text, shaped, whole
from exporter.config.words import shown

_ALL = -1
_BUSINESS = "(-1|[0-9]{1,18})"
_VALUES_SCHEMA = {
    "title": "a text or a number, or a list of them",
    "anyOf": [{"type": "array", "items": LABEL_VALUE_SCHEMA, "minItems": 1}, {"type": "string"}, {"type": "number"}],
}


def _read_business(value: object) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(_BUSINESS, text):
        raise ValueError(f"expected the number of a business, or -1 for all, got {shown(value)}")
    return int(text)


def _check_businesses(businesses: tuple[int, ...]) -> tuple[int, ...]:
    if not businesses:
        raise ValueError('expected at least one: to BlueKing an empty list would mean "mine"; write [-1] for all')
    if _ALL in businesses and len(businesses) > 1:
        raise ValueError("-1 means all businesses, so it stands alone: [-1]")
    return businesses


def _read_query_string(value: object) -> str:
    return "" if value == "" else read_text(value)


def _read_value(value: object) -> int | str:
    return value if isinstance(value, int) and not isinstance(value, bool) else read_label_value(value)


def _read_values(value: object) -> object:
    single = isinstance(value, str | int | float) and not isinstance(value, bool)
    return (value,) if single else value


BusinessId = Annotated[
    int,
    Reads(
        _read_business,
        {
            "title": "the number of a business",
            "anyOf": [{"type": "integer", "minimum": _ALL}, {"type": "string", "pattern": f"^{_BUSINESS}$"}],
        },
    ),
]
BusinessIds = Annotated[
    tuple[BusinessId, ...], AfterValidator(_check_businesses), Field(json_schema_extra={"minItems": 1})
]
QueryString = Annotated[str, Reads(_read_query_string, {"title": "a text", "type": "string"})]
Status = Annotated[str, shaped("[A-Z_]+", "a status such as ABNORMAL, RECOVERED or CLOSED")]
Values = Annotated[
    Some[Annotated[int | str, Reads(_read_value, LABEL_VALUE_SCHEMA)]],
    Reads(_read_values, _VALUES_SCHEMA),
]


class ConditionSettings(Model):
    """A field of the alert, compared with values."""

    key: Text
    """The field, by the name that BlueKing gives it."""
    value: Values
    """The values to compare it with; a single one needs no list."""
    method: Literal["eq", "neq"] = "eq"
    """`eq`: the field has one of the values; `neq`: it has none of them."""
    condition: Literal["and", "or"] = "and"
    """How it is joined to all the conditions before it."""


class SearchSettings(Model):
    """Which alerts are watched, open or ended; what is empty or not given does not select."""

    bk_biz_ids: BusinessIds
    """The businesses; `[-1]` for all. To BlueKing an empty list would mean "mine", so it is a fault."""
    severity: tuple[Annotated[int, whole(1, 3)], ...] = ()
    """The severities: 1 fatal, 2 warning, 3 remind; without it all."""
    query_string: QueryString = ""
    """A query in the syntax of Lucene, as in BlueKing's own search box."""
    conditions: tuple[ConditionSettings, ...] = ()
    """Further conditions, read from the first to the last."""
    status: tuple[Status, ...] = ()
    """The statuses; without it all. With `ABNORMAL` alone, an alert that ends between two searches may go unseen."""
