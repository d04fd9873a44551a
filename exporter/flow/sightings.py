"""Sightings: what a search tells of an alert, apart from its log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """How an alert ended; `EXPIRED` is given to one that shows no end within `poll.max_age`."""

    RECOVERED = "recovered"
    CLOSED = "closed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One alert as a search answered it; times in unix seconds.

    `fields` are the alert's own, by the names that the config's `labels:` takes, as label values: `severity` by its
    name, a field that the API left out as the empty text. `outcome` and `ended_at` are None while the alert is open,
    `ended_at` also where the API did not say. `updated_at` only tells which of two sightings is the newer one; what is
    known of an alert does without it.
    """

    alert_id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    is_acked: bool = False
    is_shielded: bool = False
    created_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    updated_at: float = 0.0

    def tells_the_same_as(self, other: "Sighting") -> bool:
        """Whether both tell the same of one alert, whenever that was updated."""
        return (
            (self.fields is other.fields or self.fields == other.fields)
            and self.is_acked == other.is_acked
            and self.is_shielded == other.is_shielded
            and self.created_at == other.created_at
            and self.ended_at == other.ended_at
            and self.outcome is other.outcome
        )
