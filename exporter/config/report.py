"""From what validation found to faults: the line, the key as the user wrote it, what was probably meant."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exporter.config.document import Document
from exporter.config.faults import Fault, key_path
from exporter.config.keys import suggestion
from exporter.config.model import UNKNOWN_KEY, reworded

_KEY = "[key]"  # where pydantic puts a fault of a mapping's key: after the key itself

T = TypeVar("T")


def judge(document: Document, validate: Callable[[object], T], known: Collection[str]) -> tuple[T | None, list[Fault]]:
    """Return what `validate` makes of a document, None where it refuses, and all faults of the document.

    `known` are the keys to suggest for unknown ones. What stands in a broken place is told once.
    """
    faults = list(document.faults)
    try:
        return validate(document.value), faults
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=True)
    faults += [_fault(document, details, known) for details in found if not document.is_broken(details["loc"])]
    return None, faults


def _fault(document: Document, details: ErrorDetails, known: Collection[str]) -> Fault:
    loc = details["loc"]
    if details["type"] == UNKNOWN_KEY:
        hint = suggestion(loc, known)
        fault = document.fault(loc, f"unknown key{hint}", at_key=True)
        # One that is like no other key may be a secret whose own key was forgotten.
        return fault if hint or "auth" not in loc else replace(fault, key=key_path((*loc[:-1], "")))
    if loc[-1:] == (_KEY,):
        return document.fault(loc[:-1], reworded(details), at_key=True)
    return document.fault(loc, reworded(details))
