"""An explanation as text and as JSON: aligned, complete, and harmless to a terminal."""

import json
import re
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from exporter.blueking import read_log
from exporter.explain import Case, Explanation, Zones, as_json, as_text, explain
from exporter.flow.known import KnownAlert
from exporter.flow.labels import make_labels
from exporter.flow.sightings import Sighting
from tests.explain.cases import BOUNDS, TARGET, ZONES, explained, known_after
from tests.flow.reading import ALERT_ID, BORN, LIFE, POLICY

TESTS = Path(__file__).parents[1]
DOCUMENTATION = TESTS.parent / "docs" / "explain.md"
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\u202eevil\x9b31m"


def lines(told: Explanation, zones: Zones = ZONES) -> list[str]:
    """Return the text's lines."""
    return list(as_text(told, zones))


def parsed(told: Explanation) -> dict[str, Any]:
    """Return the JSON as whoever reads it gets it."""
    document: dict[str, Any] = json.loads(json.dumps(as_json(told, ZONES)))
    return document


def keys_of(value: object) -> set[str]:
    """Return every key of a JSON value, at whatever depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


def test_the_documented_life_as_text() -> None:
    """The seeds' own alert, from its answer to the table, as docs/explain.md shows it."""
    answer = json.loads((TESTS / "payloads" / "documented_lifecycle.json").read_text())
    labels = make_labels({"source": "prod", "team": "payments", "severity": "fatal"})
    first_sight = KnownAlert("prod", "164239028644167", labels, first_seen_at=1_642_500_000.0, ack_target=600.0)
    log = read_log(answer, SHANGHAI)
    policy = replace(POLICY, max_age=30 * 86_400)
    ledger = "flow.db does not know the alert"
    told = explain(Case(None, log, first_sight, BOUNDS, policy, 1_642_500_000.0, ledger, "read now"))

    shown = ["```", "$ bkmonitor-flow-exporter explain 164239028644167", *lines(told), "```", ""]
    assert "\n".join(shown) in DOCUMENTATION.read_text()


def test_the_server_times_carry_a_date_where_it_is_another_one() -> None:
    """A night in one zone is the next morning in the other."""
    told = explained([("CREATE", 0)], at=5)

    rows = [line.split()[:4] for line in lines(told) if "CREATE " in line and "SUCCESS" in line]
    assert rows == [["11-14", "22:13:20", "11-15", "06:13:20"]]


def test_a_flow_over_new_year_tells_the_year() -> None:
    """Else December would come after January."""
    told = explained([("CREATE", 0), ("ACTION", 80 * 86_400)], at=81 * 86_400)

    assert any("2023-11-14 22:13:20  2023-11-15 06:13:20  CREATE" in line for line in lines(told))


def test_local_times_are_in_the_given_zone() -> None:
    """Here one with a daylight saving time, as it was at the time."""
    told = explained([("CREATE", 0)], at=5)

    text = lines(told, Zones(SHANGHAI, ZoneInfo("America/New_York")))
    assert any("11-14 17:13:20  11-15 06:13:20  CREATE" in line for line in text)
    assert "  times         local EST (UTC-0500), server Asia/Shanghai" in text


def test_the_ledger_and_what_differs_as_text() -> None:
    """What it has, and below the flow what the next read makes of the rest."""
    text = lines(explained(LIFE[:4], at=880, known=known_after(LIFE[:3], at=100)))
    ledger = text.index("ledger")

    assert text[ledger + 1 : ledger + 5] == [
        "  first seen    2023-11-14 22:13:20",
        "  last read     2023-11-14 22:15:00",
        "  rows so far   ACTION 1, CONVERGE 1, CREATE 1",
        '  first action  2023-11-14 22:13:23, time_to_first_action_seconds 3 s -> le="30.0"',
    ]
    beside = text.index("ledger beside log")
    assert text[beside + 1 : beside + 8] == [
        "  ACK: shown 1, counted 0: the next read adds 1",
        "  first ACK: ledger never, log 2023-11-14 22:18:20: the next read takes the log's",
        "  ack deadline: open in the ledger: the next read makes it met",
        "  a read now would add",
        '    records_total{operate="ACK",status="SUCCESS"} +1',
        '    time_to_ack_seconds 300 s -> le="300.0"',
        '    ack_deadlines_total{result="met"} +1 (target 10m)',
    ]


def test_a_ledger_that_agrees_says_so() -> None:
    """One line instead of a table without differences."""
    text = lines(explained(LIFE, at=950, known=known_after(LIFE, at=940)))

    assert text[text.index("ledger beside log") + 1] == "  they agree: a read now would add nothing"


def test_an_empty_log_says_so() -> None:
    """Some servers answer so for an alert whose rows were lost."""
    text = lines(explained([], at=5))

    assert text[text.index("flow") + 1] == "  the log has no records"


def test_no_foreign_text_steers_the_terminal() -> None:
    """Labels, names, messages: every sign that does not print stands as its escape."""
    hostile = replace(
        TARGET,
        labels=(("alert_name", HOSTILE), ("source", "prod")),
        sighting=Sighting(ALERT_ID, {"alert_name": HOSTILE}),
    )
    case = Case(
        known_after(LIFE, at=940, first_sight=hostile), None, hostile, BOUNDS, POLICY, BORN + 950, HOSTILE, HOSTILE
    )
    text = lines(explain(case))

    assert all(line.isprintable() for line in text)
    assert sum("\\x1b]0;owned\\x07" in line for line in text) == 4
    assert json.dumps(as_json(explain(case), ZONES)).isprintable()


def test_the_json_has_a_stable_shape() -> None:
    """Its keys are what docs/explain.md tells; times are told three times over."""
    told = parsed(explained(LIFE[:4], at=880, known=known_after(LIFE[:3], at=100), rejected={"operate": 1}))

    assert list(told) == [
        "source", "alert_id", "explained_at", "labels", "fields", "counts_from", "state", "since", "outcome", "acked",
        "shielded", "created", "deadline", "ledger", "log", "comparison", "notes",
    ]  # fmt: skip
    assert told["created"] == {
        "at": {"unix": BORN, "local": "2023-11-14T22:13:20+00:00", "server": "2023-11-15T06:13:20+08:00"},
        "by": "CREATE record",
    }
    assert (told["counts_from"], told["deadline"]["target_seconds"], told["deadline"]["result"]) == (None, 600.0, None)
    assert told["ledger"]["alert"]["counted"] == {"ACTION": 1, "CONVERGE": 1, "CREATE": 1}
    assert told["ledger"]["alert"]["milestones"][0]["told"] == "told"


def test_the_documentation_names_every_key_of_the_json() -> None:
    """Whoever writes a script against it finds what stands there."""
    told = parsed(explained(LIFE[:4], at=880, known=known_after(LIFE[:3], at=100)))
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", DOCUMENTATION.read_text()))))

    assert keys_of(told) - {"team", "result", "ACK", "ACTION", "CONVERGE", "CREATE"} <= named


def test_the_json_of_a_record() -> None:
    """What it adds stands under public names, with all labels of the series."""
    told = parsed(explained(LIFE[:4], at=880, known=known_after(LIFE[:3], at=100)))

    ack = told["log"]["flow"][3]
    assert (ack["kind"], ack["operate"], ack["status"], ack["in_ledger"]) == ("record", "ACK", "SUCCESS", False)
    labels = {"source": "prod", "team": "payments"}
    assert (
        ack["adds"]
        == told["comparison"]["next_read"]
        == [
            {
                "metric": "bkmonitor_flow_records_total",
                "labels": {**labels, "operate": "ACK", "status": "SUCCESS"},
                "amount": 1,
            },
            {
                "metric": "bkmonitor_flow_time_to_ack_seconds",
                "labels": labels,
                "amount": 1,
                "seconds": 300.0,
                "le": "300.0",
            },
            {"metric": "bkmonitor_flow_ack_deadlines_total", "labels": {**labels, "result": "met"}, "amount": 1},
        ]
    )
    assert {"name": "ACK", "counted": 0, "shown": 1, "why": "the next read adds 1"} in told["comparison"]["counts"]


def test_the_json_without_a_ledger_and_without_a_log() -> None:
    """What is missing is null, and says why."""
    fresh = parsed(explained([("CREATE", 0)], at=5))
    offline = parsed(explained(None, at=5, known=known_after([("CREATE", 0)], at=1)))

    assert (fresh["ledger"], fresh["comparison"]) == ({"told": "flow.db", "alert": None}, None)
    assert fresh["log"]["flow"][0]["in_ledger"] is None
    assert (offline["log"], offline["comparison"]) == ({"told": "read now", "flow": None}, None)


def test_zones_of_this_machine_need_no_name() -> None:
    """Without a zone the local time is the machine's own."""
    assert Zones(UTC).locally(BORN).timestamp() == BORN
