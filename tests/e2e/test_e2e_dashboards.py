"""The dashboards on a real Prometheus: every query is answered, and the answers are the simulator's truth."""

import time
from collections.abc import Iterator
from html import escape

import pytest

from exporter.dashboards import bundled
from grafana.queries import Query, choices, everything, filled, panels, queries
from tests.e2e.dashboards import SPANS, Day, sum_of, whole_day, within_of
from tests.e2e.harness import SEVERITIES
from tools.picture.asking import Range, Source
from tools.picture.page import page

# What is empty though all is well, and why.
EMPTY = {
    "Failed polls by reason": "no poll failed",
    "Records rejected": "every record could be read",
}
_ABOUT = 0.05  # the part by which Prometheus may be wrong where it extrapolates more than a few events of one series


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Give a day that dashboards can show."""
    with whole_day(tmp_path_factory.mktemp("day")) as day:
        yield day


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_query_has_an_answer(name: str, day: Day) -> None:
    """With all that can be chosen, each query has data, but for those listed with a reason, which have none."""
    dashboard = bundled()[name]
    values = everything(dashboard)

    empty = {query.panel for query in queries(dashboard) if not day.ask(query, values)}

    assert empty == {panel for panel in EMPTY if panel in {query.panel for query in queries(dashboard)}}


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_choice_has_an_answer(name: str, day: Day) -> None:
    """Whatever is chosen of one variable, no query is an error; every variable has something to choose from."""
    dashboard = bundled()[name]
    found = day.values(dashboard)
    asked: set[tuple[str, str, str]] = set()
    for variable in dashboard["templating"]["list"]:
        for value in found.get(variable["name"], choices(variable)):
            for query in queries(dashboard):
                if f"${variable['name']}" in query.expr:
                    day.ask(query, {**everything(dashboard), variable["name"]: value})
                    asked.add((variable["name"], value, query.expr))
    assert {name: values for name, values in found.items() if not values} == {}
    assert len(asked) > 50


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_picture_shows_every_panel(name: str, day: Day) -> None:
    """Each panel with its title, and what it says of being empty only where it is."""
    dashboard = bundled()[name]
    for panel in panels(dashboard):
        panel["interval"] = "5s"  # bars of minutes end before this day began
    now = time.time()

    html = page(dashboard, Source(day.prometheus.url, dashboard, {}, Range(now - 60, now)))

    assert [panel["title"] for panel in panels(dashboard) if f"<h2>{escape(panel['title'])}</h2>" not in html] == []
    assert html.count('class="empty"') == len(EMPTY.keys() & {panel["title"] for panel in panels(dashboard)})


class Board:
    """A dashboard as it opens, with what its panels show."""

    def __init__(self, name: str, day: Day) -> None:
        self._day = day
        self._dashboard = bundled()[name]

    def shown(self, panel: str, ref: str | None = None) -> dict[tuple[str, ...], float]:
        """Return the values of a panel's query by the values of their labels, in the order of the labels' names."""
        query = next(q for q in queries(self._dashboard) if q.panel == panel and ref in (None, q.ref))
        return {
            tuple(value for _, value in sorted(series["metric"].items())): float(_last(query, series))
            for series in self._day.ask(query, everything(self._dashboard))
        }

    def number(self, panel: str, ref: str | None = None) -> float:
        """Return the one value that a panel shows."""
        (value,) = self.shown(panel, ref).values()
        return value


def _last(query: Query, series: dict[str, list[str]]) -> str:
    return series["value"][1] if query.is_instant else series["values"][-1][1]


def test_the_response_is_the_true_one(day: Day) -> None:
    """Who is waited for, who came and whether in time, as counted alert by alert."""
    board = Board("alert-response.json", day)
    waiting = day.waiting()
    now = time.time()
    past = [a for a in waiting if now > a["created_at"] + (within_of(SEVERITIES[a["severity"]]) or float("inf"))]
    judged = {result: day.happened("ack_deadlines_total", result=result) for result in ("met", "missed")}

    assert board.number("Waiting now") == len(waiting) > 1
    assert board.number("Past their target now") == len(past) > 0
    assert board.number("Oldest waits for") == pytest.approx(now - min(a["created_at"] for a in waiting), abs=5)
    assert board.number("Acknowledged") == day.happened("time_to_ack_seconds_count") > 5
    assert board.number("Deadlines met") == judged["met"] / sum(judged.values())
    ages = {labels[0]: age for labels, age in board.shown("Alerts that nobody acknowledged", "AGE").items()}
    assert ages == pytest.approx({a["id"]: now - a["created_at"] for a in waiting}, abs=5)


def test_the_dots_of_the_heat_map_are_single_alerts(day: Day) -> None:
    """Exemplars name alerts that were acknowledged, with the time that it took."""
    dashboard = bundled()["alert-response.json"]
    query = next(q for q in queries(dashboard) if q.panel == "Acknowledgements by how long they took")
    times = {a["id"]: a["acked_at"] - a["created_at"] for a in day.alerts if a["acked_at"] is not None}
    now = time.time()

    found = day.prometheus.exemplars(filled(query.expr, {**everything(dashboard), **SPANS}), now - 7200, now)

    told = {dot["labels"]["alert_id"]: float(dot["value"]) for dot in found}
    assert told.items() <= times.items()
    assert len(told) > 1


def test_budgets_are_the_true_ones(day: Day) -> None:
    """What is left of each objective's budget."""
    board = Board("alert-response.json", day)
    for index, (severity, allowed) in enumerate({"fatal": 0.01, "warning": 0.05}.items()):
        met, missed = (day.happened("ack_deadlines_total", result=r, severity=severity) for r in ("met", "missed"))
        left = board.number("Objective budget left", f"BUDGET_{index}")
        assert left == pytest.approx(1 - missed / (met + missed) / allowed)


@pytest.mark.parametrize(("ref", "part"), [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)])
def test_quantiles_lie_between_the_bounds_of_the_true_ones(ref: str, part: float, day: Day) -> None:
    """The bucket that a quantile is read from is that of the time to ack of the alert that it falls to."""
    shown = Board("alert-response.json", day).number("Time to acknowledge", ref)

    bounds = {
        float(bound): day.happened("time_to_ack_seconds_bucket", le=bound)
        for bound in {dict(pairs)["le"] for (name, pairs) in day.after if name.endswith("time_to_ack_seconds_bucket")}
    }
    wanted = part * bounds[float("inf")]
    upper = min(bound for bound, count in bounds.items() if count >= wanted)
    lower = max((bound for bound, count in bounds.items() if count < wanted), default=0.0)
    assert lower <= shown <= upper


def test_the_flow_is_the_true_one(day: Day) -> None:
    """Records of each kind, ends, and what is open, as counted alert by alert."""
    board = Board("alert-flow.json", day)
    kinds = {
        (dict(pairs)["operate"], dict(pairs)["status"])
        for name, pairs in day.after
        if name == "bkmonitor_flow_records_total"
    }
    grown = {(o, s): day.happened("records_total", operate=o, status=s) for o, s in kinds}
    ended, alone = day.happened("alerts_ended_total"), day.happened("alerts_ended_total", acked="false")

    shown = board.shown("Records by operate and status")
    assert shown == pytest.approx({kind: count for kind, count in grown.items() if count}, rel=_ABOUT)
    assert board.number("Created") == pytest.approx(day.happened("records_total", operate="CREATE"), rel=_ABOUT)
    assert board.number("Records") == pytest.approx(day.happened("records_total"), rel=_ABOUT)
    assert board.number("Ended") == pytest.approx(ended, rel=_ABOUT)
    assert board.number("Ended by themselves") == pytest.approx(alone / ended, rel=_ABOUT)
    assert board.number("Open now") == sum_of(day.after, "open_alerts")
    assert board.number("Anomaly points now") == sum_of(day.after, "anomaly_count")
