"""How an alert that we know is written in a row of the ledger, and read back."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, make_dataclass
from sys import intern
from typing import Any, TypeVar

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import Labels, make_labels
from exporter.flow.sharing import shared_labels, shared_mapping
from exporter.flow.sightings import Outcome, Sighting

# One encoder for all rows: `json.dumps` makes a new one for each text that is not written as it is by default.
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decoded = json.JSONDecoder().decode

_UNREACHED = Milestone()
_LONGEST_KEY = 2_000  # bytes: an entry of an index of PostgreSQL ends at 2,700
_KEPT = 400  # characters, of four bytes at most
_BITS = 7  # of `columns.FLAGS`

Made = TypeVar("Made", KnownAlert, Milestone, Sighting)
Told = TypeVar("Told")


def watch_key(name: str) -> str:
    """Return the name of a watch as the ledger has it: a long one is cut, and ends in a digest of the whole."""
    written = name.encode()
    return name if len(written) <= _LONGEST_KEY else f"{name[:_KEPT]}…{hashlib.sha256(written).hexdigest()}"


def labels_text(labels: Labels) -> str:
    """Return the one text of a label set; equal sets have equal texts."""
    return _text(dict(labels))


def labels_from(text: str) -> Labels:
    """Return the label set of its text, shared with all that have it."""
    return shared_labels(make_labels(_mapping_from(text)))


def alert_row(known: KnownAlert, shard: int) -> dict[str, Any]:
    """Return the row that stands for `known`, an alert of `shard`."""
    return {
        "source": known.source,
        "alert_id": known.alert_id,
        "labels": labels_text(known.labels),
        "first_seen_at": known.first_seen_at,
        "counts_from": known.counts_from,
        "read_at": known.read_at,
        "created_at": known.created_at,
        "creation_recorded": known.creation_recorded,
        "counted": _text(dict(known.counted)),
        "rejected": _text(dict(known.rejected)),
        "acked_at": known.ack.at,
        "ack_observed": known.ack.observed,
        "first_action_at": known.first_action.at,
        "first_action_observed": known.first_action.observed,
        "ended_at": known.end.at,
        "end_observed": known.end.observed,
        "end_recorded": known.end_recorded,
        "outcome": known.outcome,
        "settles_at": known.settles_at,
        "rested_at": known.rested_at,
        "anomaly_count": known.anomaly_count,
        "watch": known.watch,
        "quiet_reads": known.quiet_reads,
        "ack_sighted_at": known.ack_sighted_at,
        "ack_target": known.ack_target,
        "deadline_result": known.deadline_result,
        **sighting_row(known.sighting),
        "shard": shard,
    }


def sighting_row(seen: Sighting | None) -> dict[str, Any]:
    """Return the part of an alert's row that tells its last sighting: all null where there is none."""
    return {
        "sighting_fields": None if seen is None else _text(dict(seen.fields)),
        "sighting_acked": None if seen is None else seen.is_acked,
        "sighting_shielded": None if seen is None else seen.is_shielded,
        "sighting_created_at": None if seen is None else seen.created_at,
        "sighting_ended_at": None if seen is None else seen.ended_at,
        "sighting_outcome": None if seen is None else seen.outcome,
    }


def alerts_from(rows: Iterable[Sequence[Any]]) -> Iterator[KnownAlert]:
    """Yield what rows of `columns.ALERT` tell of alerts; a driver's own rows will do.

    What many rows have in common is decoded once, and held once. A start reads a row for each open alert: that is why
    values go by their position, and through few calls.
    """
    labels_of, mapping_of, held = _Decoded(labels_from), _Decoded(_shared_mapping_from), _Decoded(float)
    answers_of = _Decoded(_answers)
    # fmt: off
    for (
        source, alert_id, labels, first_seen_at, counts_from, read_at, created_at, counted, rejected,
        acked_at, action_at, ended_at, outcome, settles_at, rested_at, anomaly_count, watch, quiet_reads,
        ack_sighted_at, ack_target, deadline_result,
        seen_fields, seen_created_at, seen_ended_at, seen_outcome, flags,
    ) in rows:
        is_recorded, ack_observed, action_observed, end_observed, end_recorded, acked, shielded = answers_of[flags]
        yield _known_alert(
            intern(source), alert_id, labels_of[labels], first_seen_at,
            held[counts_from], read_at, created_at, is_recorded, mapping_of[counted], mapping_of[rejected],
            _milestone(acked_at, ack_observed) if ack_observed or acked_at is not None else _UNREACHED,
            _milestone(action_at, action_observed) if action_observed or action_at is not None else _UNREACHED,
            _milestone(ended_at, end_observed) if end_observed or ended_at is not None else _UNREACHED,
            end_recorded, outcome and Outcome(outcome), settles_at, rested_at,
            None if anomaly_count is None else int(anomaly_count), intern(watch),
            None if seen_fields is None else _sighting(
                alert_id, mapping_of[seen_fields], acked, shielded,
                created_at if seen_created_at == created_at else seen_created_at,  # as a rule: then one number for both
                seen_ended_at, seen_outcome and Outcome(seen_outcome), 0.0,
            ),
            ack_sighted_at, quiet_reads, ack_target and held[ack_target],
            deadline_result and DeadlineResult(deadline_result),
        )
    # fmt: on


def _maker(kind: type[Made]) -> Callable[..., Made]:
    """Return what makes a `kind`, a frozen dataclass with slots, of the values of all its fields in their order.

    Its own `__init__` sets each field by its name, through `object.__setattr__`. A twin that is not frozen, and so has
    its slots filled at once, is made and then declared one of `kind`: that halves the time of reading a row.
    """
    twin = make_dataclass(kind.__name__, [field.name for field in fields(kind)], slots=True)

    def make(*values: object) -> Made:
        made: Made = twin(*values)
        made.__class__ = kind
        return made

    return make


_known_alert, _milestone, _sighting = _maker(KnownAlert), _maker(Milestone), _maker(Sighting)


class _Decoded(dict[Any, Told]):
    """What each value of a column says, decoded when it is asked for first."""

    def __init__(self, decode: Callable[[Any], Told]) -> None:
        super().__init__()
        self._decode = decode

    def __missing__(self, value: object) -> Told:
        told = self[value] = self._decode(value)
        return told


def _answers(flags: int) -> tuple[bool, ...]:
    return tuple(bool(flags >> bit & 1) for bit in range(_BITS))


def _mapping_from(text: str) -> dict[str, Any]:
    return {intern(name): value for name, value in _decoded(text).items()}


def _shared_mapping_from(text: str) -> Mapping[str, Any]:
    return shared_mapping(_mapping_from(text))
