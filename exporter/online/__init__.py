"""Checks a source by asking it: can it be reached, does it let us, and do its time zone and its clock fit."""

from exporter.online.checks import Check, Verdict
from exporter.online.source import check_source
from exporter.online.table import table

__all__ = ["Check", "Verdict", "check_source", "table"]
