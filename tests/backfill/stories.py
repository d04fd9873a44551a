"""Stories of alerts made by hand: a log, what a search tells, and what comes of it in a range of ten minutes."""

from collections import Counter

from exporter.backfill import Grid, Story, replay
from exporter.flow.known import KnownAlert
from exporter.flow.labels import Labels, make_labels
from exporter.flow.observations import Count, Total
from exporter.flow.records import FlowRecord, Log
from exporter.flow.sightings import Sighting

BORN = 1_700_000_000.0
ALERT_ID = "170000000000042"
G = make_labels({"source": "prod", "team": "payments"})
GRID = Grid(BORN - 60, BORN + 600, 60.0)
DAY = 86_400.0
BOUNDS = {Total.TIME_TO_ACK: (60.0, 300.0), Total.TIME_TO_FIRST_ACTION: (60.0,), Total.TIME_TO_END: (300.0,)}


def log(*rows: tuple[str, float]) -> Log:
    """Return a log of (operate, seconds after birth) pairs, given oldest first."""
    return Log(tuple(FlowRecord(operate, "SUCCESS", BORN + at) for operate, at in reversed(rows)))


def story(
    *rows: tuple[str, float],
    sighting: Sighting | None = None,
    target: float | None = None,
    grid: Grid = GRID,
    max_age: float = 30 * DAY,
    alert_id: str = ALERT_ID,
    labels: Labels = G,
) -> Story:
    """Return what became of an alert whose log, read a day later, has these rows."""
    known = KnownAlert("prod", alert_id, labels, first_seen_at=grid.start, sighting=sighting, ack_target=target)
    return replay(known, log(*rows), grid=grid, read_at=BORN + DAY, max_age=max_age)


def told(of: Story, total: Total, grid: Grid = GRID) -> dict[float, float]:
    """Return what a total gets, by seconds after birth: amounts, or seconds."""
    added: Counter[float] = Counter()
    for point, observations in of.told:
        for observation in observations:
            if observation.total is total:
                amount = observation.amount if isinstance(observation, Count) else observation.seconds
                added[grid.time(point) - BORN] += amount  # type: ignore[assignment] # a Counter holds floats as well
    return {at: amount for at, amount in added.items() if amount}


def labels_of(of: Story, total: Total) -> list[dict[str, str]]:
    """Return the labels under which a total gets anything, without those of the alert."""
    return [
        dict(set(o.labels) - set(G))
        for _, observations in of.told
        for o in observations
        if o.total is total and not (isinstance(o, Count) and not o.amount)
    ]
