"""An explanation as a value: what an alert's records add to which metric, and what the ledger has of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from exporter.flow.deadlines import DeadlineResult
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels
from exporter.flow.records import FlowRecord


class StepKind(StrEnum):
    """What a step is: a record, all rows that cannot be read, or a moment at which something is told without one."""

    RECORD = "record"
    UNREADABLE = "unreadable rows"
    DEADLINE = "deadline + settle"
    END = "end + settle"
    LAST_READ = "last read"


class State(StrEnum):
    """How an alert stands: not read yet, open, ended a moment ago, told in full, or given up at its age."""

    UNREAD = "unread"
    OPEN = "open"
    SETTLING = "settling"
    RESTING = "resting"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Added:
    """What is added to one series, under its public name.

    To a counter: `amount`. To a histogram: `amount` observations of `seconds`, in the bucket `le` (as it is served).
    """

    metric: str
    labels: Labels
    amount: int
    seconds: float | None = None
    le: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the flow: what it adds, and in words why not more. `at` is in unix seconds.

    `in_ledger` tells whether the ledger has counted the record; None where there is no record or no such alert there.
    """

    kind: StepKind
    at: float | None
    record: FlowRecord | None = None
    adds: tuple[Added, ...] = ()
    why: tuple[str, ...] = ()
    in_ledger: bool | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """When the alert was created, in unix seconds, and what says so: a CREATE record, a search or the id."""

    at: float | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Deadline:
    """An ack deadline; `due_at` and `at` (when the result came about) are in unix seconds, None where not known."""

    target: float
    due_at: float | None
    result: DeadlineResult | None
    at: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands, from what is known of it; `since` in unix seconds, for `SETTLING` it is until when."""

    state: State
    since: float | None
    outcome: str | None
    creation: Creation
    deadline: Deadline | None
    is_acked: bool
    is_shielded: bool


class Told(StrEnum):
    """What became of a latency: it is in its histogram, it will be, or it never will."""

    TOLD = "told"
    PENDING = "pending"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class MilestoneTold:
    """A first time in the ledger (unix seconds), and what its histogram `metric` got; `seconds` None for nothing."""

    name: str
    metric: str
    at: float
    told: Told
    seconds: float | None = None
    le: str | None = None


@dataclass(frozen=True, slots=True)
class CountCompared:
    """Rows of one operate, or unreadable ones of one reason: those counted by the ledger, and those shown now."""

    name: str
    counted: int
    shown: int
    why: str


@dataclass(frozen=True, slots=True)
class TimeCompared:
    """A time by the ledger and by the log as it is now, in unix seconds."""

    name: str
    ledger: float | None
    log: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The ledger beside the log; what has no `why` agrees. `next_read` is what a read would add now."""

    counts: tuple[CountCompared, ...]
    times: tuple[TimeCompared, ...]
    deadline_why: str
    next_read: tuple[Added, ...]

    @property
    def agrees(self) -> bool:
        """Whether the ledger says what the log says."""
        whys = [*(count.why for count in self.counts), *(time.why for time in self.times), self.deadline_why]
        return not self.next_read and not any(whys)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is to be said of an alert at `now` (unix seconds).

    `known` is what the ledger has, None where it has nothing; `ledger` says which ledger, or why it tells nothing.
    `steps` are the alert's flow, oldest first, None where its log could not be read: `log` then says why. `labels` are
    those of every series it adds to, `standing` is by the ledger where it knows the alert, else by the log.
    """

    source: str
    alert_id: str
    now: float
    labels: Labels
    counts_from: float
    standing: Standing
    known: KnownAlert | None
    milestones: tuple[MilestoneTold, ...]
    ledger: str
    log: str
    steps: tuple[Step, ...] | None
    comparison: Comparison | None
    fields: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
