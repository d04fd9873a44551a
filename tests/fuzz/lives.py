"""Lives of alerts, looked at in any rhythm: what `advance` adds up is what one counts by hand, in the simplest way.

The first byte of an input says what the alert is, the second how many rows it has. A row is two bytes: what happened,
and when, 8 seconds a unit. Each byte after them is a look: how long after the one before, 16 seconds a unit, and by
its highest bit whether it is a search. The last look, a read, is long after all that happened.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from exporter.flow.advance import Policy, advance, see
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.observations import Count, Observations, Total
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Outcome, Sighting

BORN = 1_700_000_000.0
NUMBERED, UNNUMBERED = "170000000000042", "not-a-number"

_AFTER_ALL = BORN + 100_000
_POLICY = Policy(settle=10, max_age=10**9)
_G = make_labels({"source": "prod"})
_OPERATES = ("CONVERGE", "ACK", "ACTION", "ANOMALY_NOTICE", "EVENT_DROP", "RECOVER", "CLOSE", "SYSTEM_CLOSE", "X")
_STATUSES = ("SUCCESS", "FAILED")
_ENDS = {"RECOVER": Outcome.RECOVERED, "CLOSE": Outcome.CLOSED, "SYSTEM_CLOSE": Outcome.CLOSED}
_ACTIONS = ("ACTION", "ANOMALY_NOTICE")
_MOST_LOOKS = 40

Told = Counter[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Life:
    """An alert with all of its rows, oldest first; `is_rolling` where the server merges rows that slide."""

    alert_id: str
    rows: Sequence[FlowRecord]
    target: float | None
    is_rolling: bool

    @property
    def is_born(self) -> bool:
        """Whether anything tells when it was created."""
        return self.alert_id == NUMBERED or _first(self.rows, "CREATE") is not None

    def shown(self, now: float) -> list[FlowRecord]:
        """Return the rows that an answer shows, newest first."""
        visible = [row for row in self.rows if row.created_at <= now]
        return (_rolled(visible) if self.is_rolling else visible)[::-1]


def run(inputs: bytes) -> None:
    """Look at a life: its totals are those of its rows, whoever looked when, and each latency is told once."""
    life = life_of(inputs)
    assert told(life, _looks(inputs)) == by_hand(life)


def life_of(inputs: bytes) -> Life:
    """Return the life that an input tells of."""
    kind, count, *rest = inputs.ljust(2, b"\0")
    is_numbered, is_created, is_rolling, has_target = (bool(kind & bit) for bit in (1, 2, 4, 128))
    births = [FlowRecord("CREATE", "SUCCESS", BORN)] * is_created
    what, when = rest[: 2 * count : 2], rest[1 : 2 * count : 2]
    rows = sorted(
        (_row(*pair, is_rolling=is_rolling) for pair in zip(what, when, strict=False)), key=lambda row: row.created_at
    )
    target = 60.0 * (1 + (kind >> 3 & 15)) if has_target else None
    return Life(NUMBERED if is_numbered else UNNUMBERED, (*births, *rows), target, is_rolling)


def told(life: Life, looks: Iterable[tuple[float, bool]]) -> Told:
    """Return what looks at a life, each a moment and whether it is a search, add to the totals."""
    known = KnownAlert("prod", life.alert_id, _G, BORN, ack_target=life.target)
    counted: Told = Counter()
    for now, is_search in (*looks, (_AFTER_ALL, False)):
        if is_search:
            known = see(known, _sighting(life, now), now)
        else:
            known, observations = advance(known, Log(tuple(life.shown(now))), now=now, policy=_POLICY)
            _add(counted, observations)
    return +counted


def by_hand(life: Life) -> Told:
    """Return what the rows of a life come to."""
    acked_at, acted_at, end = _first(life.rows, "ACK"), _first(life.rows, *_ACTIONS), _end(life.rows)
    ended_at, outcome = (None, "") if end is None else (end.created_at, _ENDS[end.operate])
    is_acked = acked_at is not None and (ended_at is None or acked_at <= ended_at)
    counted: Told = Counter((Total.RECORDS, row.operate, row.status) for row in life.shown(_AFTER_ALL))
    reached = [(at, key) for at, key in _milestones(acked_at, acted_at, ended_at, outcome) if at is not None]
    if life.is_born:
        counted.update((*key, at - BORN) for at, key in reached)
    elif end is not None:  # until then a late record may still tell when it was created
        counted[Total.RECORDS_REJECTED, "creation_unknown"] = len(reached)
    if end is not None:
        counted[Total.ALERTS_ENDED, str(is_acked).lower(), outcome] = 1
    if life.target is not None and life.is_born:
        counted[Total.ACK_DEADLINES, _result(BORN + life.target, acked_at if is_acked else None, ended_at)] = 1
    return counted


def _milestones(
    acked_at: float | None, acted_at: float | None, ended_at: float | None, outcome: str
) -> Iterator[tuple[float | None, tuple[object, ...]]]:
    yield acked_at, (Total.TIME_TO_ACK,)
    yield acted_at, (Total.TIME_TO_FIRST_ACTION,)
    yield ended_at, (Total.TIME_TO_END, outcome)


def _result(deadline: float, acked_at: float | None, ended_at: float | None) -> str:
    if acked_at is not None and acked_at <= deadline:
        return "met"
    return "ended" if ended_at is not None and ended_at < deadline else "missed"


def _add(counted: Told, observations: Observations) -> None:
    for observation in observations:
        values = [value for name, value in sorted(observation.labels) if name != "source"]
        if isinstance(observation, Count):
            counted[observation.total, *values] += observation.amount
        else:
            counted[observation.total, *values, observation.seconds] += 1


def _sighting(life: Life, now: float) -> Sighting:
    rows = [row for row in life.rows if row.created_at <= now]
    end = _end(rows)
    return Sighting(
        life.alert_id,
        is_acked=_first(rows, "ACK") is not None,
        created_at=BORN if life.is_born else None,
        ended_at=None if end is None else end.created_at,
        outcome=None if end is None else _ENDS[end.operate],
    )


def _first(rows: Iterable[FlowRecord], *operates: str) -> float | None:
    return min((row.created_at for row in rows if row.operate in operates), default=None)


def _end(rows: Iterable[FlowRecord]) -> FlowRecord | None:
    """Return the earliest row that tells an end; of two in one second the one whose name comes first."""
    ends = (row for row in rows if row.operate in _ENDS)
    return min(ends, key=lambda row: (row.created_at, row.operate), default=None)


def _rolled(rows: Sequence[FlowRecord]) -> list[FlowRecord]:
    """Return rows as today's servers show them: of each run of CONVERGE the newest, and one for all older ones."""
    runs = ((operate, list(run)) for operate, run in groupby(rows, key=lambda row: row.operate))
    return [row for operate, run in runs for row in (run[-2:] if operate == "CONVERGE" else run)]


def _row(what: int, when: int, *, is_rolling: bool) -> FlowRecord:
    # Which of the rows that were merged gives its status to the count is a matter of when one looks.
    status = "SUCCESS" if is_rolling else _STATUSES[what >> 7]
    return FlowRecord(_OPERATES[(what & 127) % len(_OPERATES)], status, BORN + 8 * when)


def _looks(inputs: bytes) -> list[tuple[float, bool]]:
    now, looks = BORN, []
    for each in inputs[2 + 2 * inputs[1] :][:_MOST_LOOKS] if len(inputs) > 1 else b"":
        now += 16 * (each & 127)
        looks.append((now, each > 127))
    return looks
