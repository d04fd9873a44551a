"""Columns: those by which an alert is read."""

from functools import reduce
from operator import add

from sqlalchemy import Boolean, case

from exporter.ledger.schema import alerts

_YES_OR_NO = tuple(column for column in alerts.c if isinstance(column.type, Boolean))

FLAGS = reduce(add, (case((column, 1 << bit), else_=0) for bit, column in enumerate(_YES_OR_NO))).label("flags")
"""All that is yes or no of an alert, the first one in the lowest bit: one number is read sooner than seven."""

ALERT = (*(column for column in alerts.c if column not in {*_YES_OR_NO, alerts.c.shard}), FLAGS)
"""What tells of an alert, in the order in which `alerts_from` takes it."""
