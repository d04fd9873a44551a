"""The simulated BlueKing between HTTP and the world: it counts, breaks, guards and answers each call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event

from exporter.simulator.answers import Answer, broken, good, refusal
from exporter.simulator.gate import admit
from exporter.simulator.refusals import Refused, alert_not_found, bad_request, poisoned
from exporter.simulator.switchboard import Switchboard
from exporter.simulator.tally import Tally
from exporter.simulator.world import World

_Find = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller shows: the parameters of query or body, and the X-Bkapi-Authorization header or None."""

    parameters: Mapping[str, object]
    authorization: str | None


class BlueKing:
    """Answers get_event_log and search_alert out of a world, with the faults that the switchboard draws.

    An answer of None is a connection closed without a word. Faults come first, as trouble on the way does;
    then the gate.
    """

    def __init__(self, world: World, now: Callable[[], float], stopping: Event) -> None:
        self.world = world
        self.now = now
        self.tally = Tally()
        self.switchboard = Switchboard(world.settings.seed, world.settings.faults)
        self._stopping = stopping

    def get_event_log(self, alert_id: str, call: Call) -> Answer | None:
        """Answer with the log of one alert."""
        number = self.tally.count("get_event_log", alert_id)
        return self._answer(call, number, alert_id, lambda: self._log(alert_id))

    def search_alert(self, body: object, call: Call) -> Answer | None:
        """Answer with the alerts that a parsed body selects."""
        number = self.tally.count("search_alert", None)
        return self._answer(call, number, None, lambda: self._found(body))

    def _answer(self, call: Call, number: int, alert_id: str | None, find: _Find) -> Answer | None:
        lot = self.switchboard.draw(alert_id)
        if lot.delay:
            self._stopping.wait(lot.delay)
        request_id = f"{number:032x}" if self.world.settings.dialect == "today" else None
        if lot.fault == "reset":
            return None
        if lot.fault and lot.fault != "cut_json":
            return broken(lot.fault, alert_id or "", self.switchboard.faults, request_id)
        answer = self._honest(call, find, request_id)
        return self._cut(answer) if lot.fault else answer

    def _honest(self, call: Call, find: _Find, request_id: str | None) -> Answer:
        try:
            admit(self.world.settings, call.parameters, call.authorization)
            return good(find(), request_id)
        except Refused as refused:
            return refusal(refused, request_id)

    def _cut(self, answer: Answer) -> Answer:
        return replace(answer, torn=True) if self.switchboard.tears() else answer.halved()

    def _log(self, alert_id: str) -> list[dict[str, object]]:
        if not (alert_id.isascii() and alert_id.isdecimal()):
            raise bad_request(f"id: the digits of an alert are expected, not {alert_id!r}")
        if alert_id in self.switchboard.faults.poison:
            raise poisoned()
        rows = self.world.log(alert_id, self.now())
        if rows is None:
            raise alert_not_found(alert_id)
        return rows

    def _found(self, body: object) -> dict[str, object]:
        if not isinstance(body, dict):
            raise bad_request("the body is no JSON object")
        return self.world.search(body, self.now())
