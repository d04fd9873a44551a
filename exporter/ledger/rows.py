"""How an alert that we know is written in a row of the ledger, and read back."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert, Milestone
from exporter.flow.labels import Labels, make_labels
from exporter.flow.sightings import Outcome, Sighting

# One encoder for all rows: `json.dumps` makes a new one for each text that is not written as it is by default.
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def labels_text(labels: Labels) -> str:
    """Return the one text of a label set; equal sets have equal texts."""
    return _text(dict(labels))


def labels_from(text: str) -> Labels:
    """Return the label set of its text."""
    return make_labels(json.loads(text))


def alert_row(known: KnownAlert) -> dict[str, Any]:
    """Return the row that stands for `known`."""
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
        "sighting": None if known.sighting is None else json.dumps(asdict(known.sighting), ensure_ascii=False),
        "ack_sighted_at": known.ack_sighted_at,
        "quiet_reads": known.quiet_reads,
        "ack_target": known.ack_target,
        "deadline_result": known.deadline_result,
    }


def alert_from(row: RowMapping) -> KnownAlert:
    """Return what the row tells of an alert."""
    return KnownAlert(
        source=row["source"],
        alert_id=row["alert_id"],
        labels=labels_from(row["labels"]),
        first_seen_at=row["first_seen_at"],
        counts_from=row["counts_from"],
        read_at=row["read_at"],
        created_at=row["created_at"],
        creation_recorded=row["creation_recorded"],
        counted=json.loads(row["counted"]),
        rejected=json.loads(row["rejected"]),
        ack=Milestone(row["acked_at"], row["ack_observed"]),
        first_action=Milestone(row["first_action_at"], row["first_action_observed"]),
        end=Milestone(row["ended_at"], row["end_observed"]),
        end_recorded=row["end_recorded"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        settles_at=row["settles_at"],
        rested_at=row["rested_at"],
        anomaly_count=None if row["anomaly_count"] is None else int(row["anomaly_count"]),
        watch=row["watch"],
        sighting=None if row["sighting"] is None else _sighting_from(row["sighting"]),
        ack_sighted_at=row["ack_sighted_at"],
        quiet_reads=row["quiet_reads"],
        ack_target=row["ack_target"],
        deadline_result=None if row["deadline_result"] is None else DeadlineResult(row["deadline_result"]),
    )


def _sighting_from(text: str) -> Sighting:
    fields = json.loads(text)
    outcome = fields.pop("outcome")
    return Sighting(**fields, outcome=None if outcome is None else Outcome(outcome))
