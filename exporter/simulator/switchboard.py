"""The switchboard: draws which request goes wrong; how often can be changed while the simulation runs."""

from dataclasses import dataclass, replace
from threading import Lock

from exporter.simulator.chance import seeded
from exporter.simulator.faults import REQUEST_FAULTS, ROW_FAULTS, Faults


@dataclass(frozen=True, slots=True)
class Lot:
    """What was drawn for one request: how many seconds it waits, and the name of its fault or None."""

    delay: float
    fault: str | None


class Switchboard:
    """Holds the faults of now; draws are seeded: the same requests in the same order meet the same faults."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self._random = seeded(seed, "requests")
        self._faults = faults
        self._lock = Lock()

    @property
    def faults(self) -> Faults:
        """The faults of now."""
        return self._faults

    def change(self, document: object) -> Faults:
        """Switch to the faults that a parsed JSON object describes and return them; row faults left out stay.

        Raises ValueError for an invalid one, and for one that would change the row faults.
        """
        fixed = {name: getattr(self._faults, name) for name in ROW_FAULTS}
        wanted = Faults.from_json({**fixed, **document} if isinstance(document, dict) else document)
        if replace(wanted, **fixed) != wanted:
            raise ValueError("faults: " + ", ".join(ROW_FAULTS) + ": part of the world, fixed at its start")
        self._faults = wanted
        return wanted

    def draw(self, alert_id: str | None) -> Lot:
        """Return the lot of one request: a get_event_log call for an alert, or a search (None)."""
        with self._lock:
            faults = self._faults
            if not faults.reaches(alert_id):
                return Lot(0.0, None)
            delay = faults.slow_seconds if self._random.random() < faults.slow else 0.0
            return Lot(delay, self._fault(faults, alert_id))

    def _fault(self, faults: Faults, alert_id: str | None) -> str | None:
        for name in REQUEST_FAULTS:
            drawn = self._random.random() < faults.share(name)
            if drawn and not (name == "not_found" and alert_id is None):
                return name
        return None

    def tears(self) -> bool:
        """Draw how an answer is cut: the connection tears in its middle, or only half was ever written."""
        with self._lock:
            return self._random.random() < 0.5
