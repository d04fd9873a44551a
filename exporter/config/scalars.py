"""The types of values: how a duration, a number, a flag, a text or a list is read, and what its fault says."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from exporter.config.duration import PATTERN, format_duration, read_duration
from exporter.config.words import kind, shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Reads:
    """Metadata of an annotated type: the function that reads it, and its JSON Schema for editors and the reference.

    The schema's `title` says what is read, in a user's words. `read` raises ValueError, with a message for the user.
    """

    read: Callable[[object], object]
    schema: Mapping[str, object]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the annotated type with `read` before it."""
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return `schema` in place of the annotated type's own."""
        return dict(self.schema)


def duration(*, at_least: float) -> Reads:
    """Return how to read a duration of `at_least` so many seconds."""

    def read(value: object) -> float:
        seconds = read_duration(value)
        if seconds < at_least:
            raise ValueError(f"expected at least {format_duration(at_least)}, got {shown(value)}")
        return seconds

    schema = {
        "title": f"a duration of at least {format_duration(at_least)}" if at_least else "a duration",
        "anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "number", "minimum": at_least}],
    }
    return Reads(read, schema)


def whole(low: int, high: int) -> Reads:
    """Return how to read a whole number from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}, got {shown(value)}")
        return value

    title = f"a whole number from {low} to {high}"
    return Reads(read, {"title": title, "type": "integer", "minimum": low, "maximum": high})


def rate(*, at_most: float) -> Reads:
    """Return how to read a number above 0 and no greater than `at_most`."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= at_most:
            raise ValueError(f"expected a number above 0, at most {at_most:g}, got {shown(value)}")
        return float(value)

    title = f"a number above 0, at most {at_most:g}"
    return Reads(read, {"title": title, "type": "number", "exclusiveMinimum": 0, "maximum": at_most})


def shaped(pattern: str, what: str, *, untold: bool = False) -> Reads:
    """Return how to read a text that `pattern` matches as a whole; `what` tells the user what that is.

    With `untold` no fault tells what was given.
    """

    def read(value: object) -> str:
        text = read_untold(value) if untold else read_text(value)
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {what}" if untold else f"expected {what}, got {shown(value)}")
        return text

    return Reads(read, {"title": what, "type": "string", "pattern": f"^{pattern}$"})


def read_text(value: object) -> str:
    """Return a text that is not blank; a number is refused, for YAML may have changed its spelling."""
    if isinstance(value, str) and value.strip():
        return value
    hint = " (quote it)" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"expected a text, got {shown(value)}{hint}")


def read_untold(value: object) -> str:
    """Return a text that is not blank; no fault tells what was given, where that may be a secret."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, str):
        raise ValueError("expected a text, got an empty one")
    hint = " (quote it)" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"expected a text, got {kind(value)}{hint}")


def did_you_mean(names: Iterable[str]) -> str:
    """Return a hint, after a blank, at what was probably meant; nothing where there are no `names`."""
    choice = " or ".join(names)
    return f" (did you mean {choice}?)" if choice else ""


def _read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {shown(value)}")
    return value


def _check_some(values: tuple[T, ...]) -> tuple[T, ...]:
    # Not pydantic's min_length: that one also complains of a list whose elements have faults of their own.
    if not values:
        raise ValueError("expected at least one, got an empty list")
    return values


_TEXT = {"title": "a text", "type": "string", "minLength": 1}

Text = Annotated[str, Reads(read_text, _TEXT)]
UntoldText = Annotated[str, Reads(read_untold, _TEXT)]
Flag = Annotated[bool, Reads(_read_flag, {"title": "true or false", "type": "boolean"})]
Some = Annotated[tuple[T, ...], AfterValidator(_check_some), Field(json_schema_extra={"minItems": 1})]
