"""The snapshot: the bodies of a scrape's answer, made once and handed out."""

import threading
from collections.abc import Collection, Iterable
from typing import NamedTuple

from exporter.ledger import Series
from exporter.metrics.blocks import gzipped, join
from exporter.metrics.families import family_of
from exporter.metrics.moment import Moment
from exporter.metrics.texts import END, FamilyText, Format


class Form(NamedTuple):
    """How a body is written."""

    format: Format
    is_gzipped: bool = False


class LeaseEnded(Exception):
    """No scrape may get a snapshot: another exporter may have its shards by now. The message says so."""


class Snapshot:
    """All that scrapes get until the next snapshot; every body tells the same moment. Any thread may ask.

    `newborn` are the series that are served as 0 for the first time.
    """

    def __init__(self, moment: Moment, newborn: tuple[Series, ...], families: Iterable[FamilyText]) -> None:
        self.moment = moment
        self.newborn = newborn
        self._families = tuple(families)
        self._bodies: dict[Form, bytes] = {}
        self._making = threading.Lock()

    def body(self, form: Form, names: Collection[str] = ()) -> bytes:
        """Return the body in a form, made when it is first asked for; `names` leave only the families that have one of
        them, be it a family's own or that of its samples.
        """
        if names:
            return _made(form, [family for family in self._families if not family.names.isdisjoint(names)])
        with self._making:
            if form not in self._bodies:
                self._bodies[form] = _made(form, self._families)
            return self._bodies[form]

    def answer(self, form: Form, names: Collection[str] = ()) -> bytes:
        """Return the body for a scrape. Raises `LeaseEnded` where another exporter may tell of the same shards."""
        body = self.body(form, names)  # to make it may take a while: the lease is looked at afterwards
        if self.moment.view.told and not self.moment.is_certain:
            raise LeaseEnded("the ledger was not reached lately: another exporter may have these shards by now")
        return body

    def newborn_among(self, names: Collection[str]) -> tuple[Series, ...]:
        """Return the newborn series that a body with these `names` tells."""
        if not names:
            return self.newborn
        told = {name for family in self._families if not family.names.isdisjoint(names) for name in family.names}
        return tuple(series for series in self.newborn if family_of(series.total).name in told)


def _made(form: Form, families: Iterable[FamilyText]) -> bytes:
    sections = [section for family in families for section in family.sections(form.format)]
    if form.format is Format.OPENMETRICS:
        sections.append(END)
    return gzipped(sections) if form.is_gzipped else join(sections)
