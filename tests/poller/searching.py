"""A desk that watches by search, and the source that it searches."""

from exporter.blueking import BlueKingError, Page
from exporter.flow.records import Log
from exporter.flow.sightings import Sighting
from exporter.poller.workers import Question
from tests.poller.desk import BORN, Desk, log

SEARCH = "[{search: {bk_biz_ids: [2]}, labels: {team: infra}}]"
TWO = (
    "[{alerts: ['1']}, {search: {bk_biz_ids: [2]}, labels: {team: a}}, {search: {bk_biz_ids: [3]}, labels: {team: b}}]"
)


def seen(alert_id: str, **more: object) -> Sighting:
    """Return an open fatal alert as a search answers it."""
    return Sighting(alert_id, {"severity": "fatal"}, created_at=BORN - 60, **more)  # type: ignore[arg-type] # by name


class Server:
    """What the source would answer: sightings by business, and logs."""

    def __init__(self) -> None:
        self.alerts: dict[int, list[Sighting]] = {2: [], 3: []}
        self.logs: dict[str, Log | BlueKingError] = {}
        self.refusal: BlueKingError | None = None
        self.is_partial = False
        self.asked: list[str] = []

    def answer(self, question: Question) -> Log | Page | BlueKingError:
        """Answer a question."""
        if question.query is not None:
            if self.refusal is not None:
                return self.refusal
            found = [s for business in question.query.bk_biz_ids for s in self.alerts[business]]
            return Page(tuple(found), len(found), self.is_partial)
        self.asked.append(question.key)
        return self.logs.get(question.key, log(("CREATE", BORN - 60)))


def pass_time(desk: Desk, server: Server, seconds: float = 0.0) -> list[str]:
    """Let time pass, a second at a time, with every question answered; return the logs that were asked for."""
    before = len(server.asked)
    for _ in range(int(seconds) + 1):
        while questions := list(desk.questions()):
            for question in questions:
                desk.answer(question.key, server.answer(question))
        desk.cycle()
        desk.now += 1
    desk.now -= 1
    return server.asked[before:]


def labels_of(desk: Desk, alert_id: str) -> dict[str, str]:
    """Return the labels of an alert."""
    known = desk.ledger.find("prod", [alert_id])[alert_id]
    return dict(known.labels)
