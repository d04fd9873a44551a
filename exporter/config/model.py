"""What every mapping of the config has in common: all that is wrong with it, in our words, free of what was given."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError

from exporter.config.descriptions import descriptions
from exporter.config.words import kind, shown

Loc = tuple[str | int, ...]
Finding = tuple[Loc, str]

UNKNOWN_KEY = "unknown_key"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a config stands: the folder that its file names are relative to, and the environment's variables."""

    folder: Path
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What several keys of one mapping owe each other: checked on the mapping as it was given, told to editors.

    `schema` is its JSON Schema, whose `title` is the rule in words, for the reference. `check` yields a finding for
    each breach. It sees the raw mapping, so that it speaks up beside other faults.
    """

    check: Callable[[Mapping[str, object]], Iterator[Finding]]
    schema: Mapping[str, object] = field(default_factory=dict)


class Model(BaseModel):
    """A frozen mapping of the config; an empty value counts as a missing key.

    Its ValidationError holds the faults of the fields and of `rules` together, none of them with an input value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls, given: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(given, cls):
            return handler(given)
        if not isinstance(given, Mapping):
            raise _refusal(cls, [_error((), f"expected a mapping, got {kind(given)}")])
        present = {key: value for key, value in given.items() if value is not None or key not in cls.model_fields}
        model, errors = cls._attempt(present, handler)
        errors += [_error(loc, message) for rule in cls.rules for loc, message in rule.check(present)]
        if model is None or errors:
            raise _refusal(cls, errors)
        return model

    @classmethod
    def _attempt(
        cls, present: Mapping[str, object], handler: ModelWrapValidatorHandler[Self]
    ) -> tuple[Self | None, list[InitErrorDetails]]:
        try:
            return handler(present), []
        except ValidationError as error:
            return None, [cls._reworded(details) for details in error.errors(include_url=False)]

    @classmethod
    def _reworded(cls, details: ErrorDetails) -> InitErrorDetails:
        loc = details["loc"]
        if details["type"] == "extra_forbidden":
            return _error(loc, "unknown key", unknown=True)
        return _error(loc, reworded(details), unknown=details["type"] == UNKNOWN_KEY)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON Schema of the fields, each with its description, and that of the rules."""
        schema = handler(core_schema)
        mapping = handler.resolve_ref_schema(schema)
        # Not pydantic's use_attribute_docstrings: it reads the source whenever a model is made, a tenth of our imports.
        for key, description in descriptions(cls).items():
            mapping["properties"][key]["description"] = description
        demands = [dict(rule.schema) for rule in cls.rules if rule.schema]
        if demands:
            mapping["allOf"] = demands
        return schema


def reworded(details: ErrorDetails) -> str:
    """Return the message of a validation error in YAML's words; the value given shows only where it is a choice."""
    rewording = _REWORDINGS.get(details["type"])
    return rewording(details) if rewording else details["msg"]


def peek(value: object, key: str) -> object:
    """Return what stands under `key` in a mapping not yet validated, or in a model; None where there is none."""
    if isinstance(value, Mapping):
        return value.get(key)
    return getattr(value, key, None) if isinstance(value, Model) else None


def listed(value: object) -> Iterable[tuple[int, object]]:
    """Return the elements of a list not yet validated with their indices; none where it is no list."""
    return enumerate(value) if isinstance(value, list | tuple) else ()


_REWORDINGS: Mapping[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "required",
    "tuple_type": lambda details: f"expected a list, got {kind(details['input'])}",
    "dict_type": lambda details: f"expected a mapping, got {kind(details['input'])}",
    "literal_error": lambda details: f"expected {_choices(details)}, got {shown(details['input'])}",
    "value_error": lambda details: str(_context(details, "error")),
}


def _choices(details: ErrorDetails) -> str:
    return str(_context(details, "expected")).replace("'", "")


def _context(details: ErrorDetails, name: str) -> Any:
    return details.get("ctx", {})[name]


def _error(loc: Loc, message: str, *, unknown: bool = False) -> InitErrorDetails:
    error = PydanticCustomError(UNKNOWN_KEY if unknown else "fault", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=loc, input=None)


def _refusal(cls: type[Model], errors: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data(cls.__name__, errors, hide_input=True)
