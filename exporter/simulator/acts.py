"""The acts of one life: the rows that its alert leaves between creation and end."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from exporter.simulator.cast import Person, ack_message, message
from exporter.simulator.rows import Row
from exporter.simulator.settings import Dialect

_PERIOD = 60.0
_NOTICES: tuple[tuple[float, str, str, dict[str, object]], ...] = (
    (0.85, "SUCCESS", "", {"action": {"id": 7, "notice_way": ["mail", "weixin"]}}),
    (0.08, "PARTIAL_SUCCESS", "部分通知方式发送失败", {"action": {"id": 7, "notice_way": ["mail", "voice"]}}),
    (0.07, "FAILED", "通知人为空", {"action": {}}),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """What bounds a life: offsets from `created_at` are seconds at speed 1, `ending` an operate or empty."""

    dialect: Dialect
    speed: float
    created_at: int
    open_for: float
    ending: str

    @property
    def quiet_at(self) -> int:
        """The unix second of the end, or of the last anomaly where there is none; later than the creation."""
        return max(self.created_at + 1, self.second(self.open_for))

    def second(self, offset: float) -> int:
        """Return the unix second of what happens `offset` seconds into the life at speed 1."""
        return self.created_at + int(offset / self.speed)


def acts(rng: Random, stage: Stage, acked_at: int | None, people: list[Person]) -> list[Row]:
    """Return all rows of a life, in no order."""
    rows = [Row(stage.created_at, "CREATE", message=message(rng, "CREATE"))]
    rows += _notices(rng, stage)
    rows += _anomalies(rng, stage)
    rows += _interludes(rng, stage)
    if acked_at is not None:
        rows += [Row(acked_at, "ACK", message=ack_message(person)) for person in people]
    if stage.ending:
        rows.append(Row(stage.quiet_at, stage.ending, message=message(rng, stage.ending)))
    return rows


def _notices(rng: Random, stage: Stage) -> Iterator[Row]:
    offset = rng.uniform(1, 20)
    yield Row(stage.second(offset), "ACTION", message=message(rng, "ACTION"))
    if stage.dialect == "documented":
        _, status, words, extend_info = rng.choices(_NOTICES, [notice[0] for notice in _NOTICES])[0]
        yield Row(stage.second(offset + rng.uniform(0, 5)), "ANOMALY_NOTICE", status, words, extend_info)


def _anomalies(rng: Random, stage: Stage) -> Iterator[Row]:
    """Yield what converges about every minute, or is dropped where today's flow control steps in."""
    drop_from, drop_to = _drops(rng, stage)
    previous, quiet_at, words = stage.created_at, stage.quiet_at, message(rng, "CONVERGE")
    for period in range(1, math.ceil(stage.open_for / _PERIOD)):
        offset = period * _PERIOD + rng.uniform(0, 5)
        at = stage.second(offset)
        if at >= quiet_at:
            return
        if drop_from <= offset < drop_to:
            yield Row(at, "EVENT_DROP", message=message(rng, "EVENT_DROP"))
        else:
            extend_info = _converged(rng, previous, at) if stage.dialect == "documented" else None
            yield Row(at, "CONVERGE", message=words, extend_info=extend_info)
        previous = at


def _drops(rng: Random, stage: Stage) -> tuple[float, float]:
    if stage.dialect == "documented" or rng.random() >= 0.06:
        return math.inf, math.inf
    drop_from = rng.uniform(0.2, 0.7) * stage.open_for
    return drop_from, drop_from + rng.uniform(2, 10) * _PERIOD


def _converged(rng: Random, since: int, at: int) -> dict[str, object]:
    """Return the points since the last row; they are a little older than the moment they are processed."""
    lag = rng.randint(30, 90)
    return {
        "process_time": {"min": since, "max": at},
        "anomaly_record": {},
        "data_time": {"min": since - lag, "max": at - lag},
        "anomaly_count": rng.randint(1, 12),
    }


def _interludes(rng: Random, stage: Stage) -> Iterator[Row]:
    """Yield the rare rows.

    SEVERITY_UP leaves the severity of the alert as it is: labels are fixed when it is first seen (design.md).
    """
    late = stage.second(stage.open_for * rng.uniform(0.8, 0.95))
    early = stage.second(stage.open_for * rng.uniform(0.2, 0.6))
    lot = rng.random()
    if stage.dialect == "today":
        if lot < 0.08 and stage.ending == "RECOVER":
            yield Row(late, "RECOVERING", message=message(rng, "RECOVERING"))
    elif lot < 0.03:
        yield Row(early, "SEVERITY_UP", message=message(rng, "SEVERITY_UP"))
    elif lot < 0.07:
        yield Row(early, "DELAY_RECOVER", message=message(rng, "DELAY_RECOVER"))
        yield Row(late, "ABORT_RECOVER", message=message(rng, "ABORT_RECOVER"))
