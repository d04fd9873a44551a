"""The settings as a whole: sources, how often to ask, what becomes a label, where the state is kept."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from exporter.config.agreement import (
    labels_differ,
    names_differ,
    placeholders_known,
    retention_outlasts,
    shards_shareable,
)
from exporter.config.duration import format_duration
from exporter.config.fields import Label, LabelSettings, chosen_fields
from exporter.config.limits import LimitSettings
from exporter.config.model import Finding, Model, Rule, peek
from exporter.config.places import AlertUrl, LedgerUrl
from exporter.config.scalars import Flag, Some, duration, whole
from exporter.config.source import SourceSettings
from exporter.config.targets import AckTargetSettings, targets_reach

_Interval = duration(at_least=0.05)
_Positive = duration(at_least=0.001)
_Delay = duration(at_least=0)
_LABELS = (LabelSettings(field="bk_biz_id"), LabelSettings(field="severity"))
_FIELDS = tuple(label.field for label in _LABELS)
_BOUNDS = (30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0)


def _check_bounds(bounds: tuple[float, ...]) -> tuple[float, ...]:
    for lower, upper in pairwise(bounds):
        if upper <= lower:
            raise ValueError(
                f"expected bounds that increase, got {format_duration(upper)} after {format_duration(lower)}"
            )
    return bounds


Bounds = Annotated[Some[Annotated[float, _Positive]], AfterValidator(_check_bounds)]


class PollSettings(Model):
    """When an alert is asked about, and when no more."""

    interval: Annotated[float, _Interval] = 30.0
    """How often an open alert is asked about that nobody acknowledged."""
    acked_interval: Annotated[float, _Interval] = 300.0
    """How often an open alert is asked about once somebody acknowledged it."""
    refresh: Annotated[float, _Interval] = 600.0
    """For watches by search: how long after its last read an alert whose search shows no change is read again; doubles,
    up to `1h`, while nothing new is found. An acknowledged alert is left alone `acked_interval / interval` times as
    long, up to `1h`."""
    settle: Annotated[float, _Delay] = 10.0
    """How long to wait for late records after an end, or after an ack deadline."""
    first_seen_window: Annotated[float, _Delay] = 3600.0
    """When an alert is first seen after the first cycle, records up to this old count."""
    max_age: Annotated[float, _Positive] = 2_592_000.0
    """At this age an alert that cannot end rests, as expired."""


class HistogramSettings(Model):
    """The upper bounds of the histograms' buckets, increasing."""

    time_to_ack: Bounds = _BOUNDS
    """Creation to first ACK. Every ack target is a bound as well."""
    time_to_first_action: Bounds = _BOUNDS
    """Creation to first action."""
    time_to_end: Bounds = _BOUNDS
    """Creation to recovered or closed."""


class LedgerSettings(Model):
    """Where the durable state is kept, and for how long."""

    url: LedgerUrl = Field(default="sqlite:///bkmonitor-flow.db", repr=False)
    """As SQLAlchemy writes it. An SQLite file: `sqlite:///FILE`, relative to the working directory, or
    `sqlite:////ABSOLUTE/FILE`; no `file:` URI, and no option `uri`. Or a database of PostgreSQL:
    `postgresql+psycopg://USER@HOST/DATABASE`."""
    retention: Annotated[float, _Positive] = 2_592_000.0
    """How long an ended alert is remembered; longer than `poll.first_seen_window`, or it could count twice."""


class WebSettings(Model):
    """What the exporter shows, and when."""

    birth_hold: Annotated[float, _Delay] = 60.0
    """How long a new series is served as 0 before its value shows."""
    created_series: Flag = False
    """Whether counters and histograms of alerts also tell when they came to be, as `_created`; one more series each."""
    alert_url: AlertUrl | None = None
    """The page of an alert; the placeholders are `{alert_id}`, `{source}` and the names under `labels`."""


def _parts_agree(given: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what is wrong between the parts of a config, with the defaults of those not given."""
    fields = label_fields(given)
    retention, window = peek(given.get("ledger"), "retention"), peek(given.get("poll"), "first_seen_window")
    yield from names_differ(given)
    yield from labels_differ(given, fields)
    yield from targets_reach(given, fields)
    yield from retention_outlasts(
        LedgerSettings().retention if retention is None else retention,
        PollSettings().first_seen_window if window is None else window,
    )
    yield from shards_shareable(given.get("shards"), peek(given.get("ledger"), "url"))
    yield from placeholders_known(peek(given.get("web"), "alert_url"), fields)


class Settings(Model):
    """The config of bkmonitor-flow-exporter."""

    rules = (Rule(_parts_agree),)

    sources: Some[SourceSettings]
    """The BlueKing deployments to ask."""
    poll: PollSettings = PollSettings()
    """When an alert is asked about."""
    labels: tuple[Label, ...] = Field(default=_LABELS, json_schema_extra={"default": list(_FIELDS)})
    """Which fields of an alert become labels, and which of their values. Each multiplies the series. A name alone, such
    as `severity`, stands for `{field: severity}`."""
    histograms: HistogramSettings = HistogramSettings()
    """The bounds of the histograms' buckets."""
    ack_targets: tuple[AckTargetSettings, ...] = ()
    """How soon alerts must be acknowledged. The first target that matches an alert's labels is its own."""
    ledger: LedgerSettings = LedgerSettings()
    """Where the durable state is kept."""
    shards: Annotated[int, whole(1, 1024)] = 1
    """Into how many parts the alerts are divided. With more than one, any number of exporters with the same config
    share the work and a ledger in PostgreSQL: each takes a fair part of the shards, and with it of `rate_limit`, and
    series have the label `shard`."""
    limits: LimitSettings = LimitSettings()
    """How many series there may be."""
    web: WebSettings = WebSettings()
    """What the exporter serves."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the fields that become labels."""
        return tuple(label.field for label in self.labels)


def label_fields(given: object) -> tuple[str, ...]:
    """Return the names under the `labels:` of a config not yet validated, as far as they are texts, or the default."""
    labels = peek(given, "labels")
    return _FIELDS if labels is None else tuple(name for _, name in chosen_fields(labels) if isinstance(name, str))
