"""Life cycles of alerts, each with what it comes to, counted by hand: the table that `test_e2e_lives` holds true.

Their ack target is 300 seconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from exporter.simulator import Life, Row, life_of
from tests.poller.desk import BORN


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one alert comes to; moments in seconds after its creation.

    `records` names the operates that count, each as often as it does. `end` is the outcome and its moment, None while
    the alert is open. `result` is that of the deadline, `rejected` the reason of what could not be told.
    """

    records: str
    ack: float | None = None
    action: float | None = None
    end: tuple[str, float] | None = None
    acked: bool = False
    result: str | None
    shielded: bool = False
    rejected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The rows of one alert, `OPERATE second`, `+` the seconds that they show late; and what that comes to.

    `told` holds for all, unless there is another word for those who search, or who look only `afterwards`. Of an
    acknowledgement at `unrecorded_ack` only a search tells.
    """

    rows: str
    told: Told
    searched: Told | None = None
    afterwards: Told | None = None
    searched_afterwards: Told | None = None
    born: int = 0
    severity: int = 2
    shielded: bool = False
    unrecorded_ack: int | None = None

    def life(self, number: int) -> Life:
        """Return the life; `number` makes its id another one than its neighbour's."""
        born = int(BORN) + self.born
        found = re.findall(r"([A-Z_]+) (-?\d+)(?:\+(\d+))?", self.rows)
        rows = [Row(born + int(at), operate, delay=float(late or 0)) for operate, at, late in found]
        life = life_of(f"{born}{number:05}", rows, severity=self.severity, is_shielded=self.shielded)
        return life if self.unrecorded_ack is None else replace(life, acked_at=born + self.unrecorded_ack)

    def told_to(self, *, by_search: bool, afterwards: bool) -> Told:
        """Return what it comes to for who watches in this way."""
        wanted = [
            self.searched_afterwards if by_search and afterwards else None,
            self.afterwards if afterwards else None,
            self.searched if by_search else None,
            self.told,
        ]
        return next(told for told in wanted if told is not None)


IN_TIME = Story(
    rows="CREATE 0, ACTION 3, CONVERGE 60, ACK 120, RECOVER 900",
    told=Told(
        records="CREATE ACTION CONVERGE ACK RECOVER",
        ack=120,
        action=3,
        end=("recovered", 900),
        acked=True,
        result="met",
    ),
)
NEVER = Story(rows="CREATE 0, ACTION 3", told=Told(records="CREATE ACTION", action=3, result="missed"))
LATE = Story(
    rows="CREATE 0, ACK 301, RECOVER 900",
    told=Told(records="CREATE ACK RECOVER", ack=301, end=("recovered", 900), acked=True, result="missed"),
)

LIVES: dict[str, Sequence[Story]] = {
    "acked in time": [IN_TIME],
    "acked in the last second": [
        Story(
            rows="CREATE 0, ACK 300, RECOVER 900",
            told=Told(records="CREATE ACK RECOVER", ack=300, end=("recovered", 900), acked=True, result="met"),
        )
    ],
    "acked late": [LATE],
    "acked and still open": [
        Story(rows="CREATE 0, ACK 40", told=Told(records="CREATE ACK", ack=40, acked=True, result="met"))
    ],
    "never acked, still open": [NEVER],
    "acked after the end by race": [
        Story(
            rows="CREATE 0, RECOVER 200, ACK 202",
            told=Told(records="CREATE RECOVER ACK", ack=202, end=("recovered", 200), acked=False, result="ended"),
        )
    ],
    "acked twice": [
        Story(
            rows="CREATE 0, ACK 100, ACK 130, ACK 130, RECOVER 400",
            told=Told(records="CREATE ACK ACK ACK RECOVER", ack=100, end=("recovered", 400), acked=True, result="met"),
        )
    ],
    "recovered un-acked before the deadline": [
        Story(
            rows="CREATE 0, ACTION 3, RECOVER 299",
            told=Told(records="CREATE ACTION RECOVER", action=3, end=("recovered", 299), result="ended"),
        )
    ],
    "recovered un-acked at the deadline": [
        Story(
            rows="CREATE 0, SYSTEM_RECOVER 300",
            told=Told(records="CREATE SYSTEM_RECOVER", end=("recovered", 300), result="missed"),
        )
    ],
    "recovered un-acked after the deadline": [
        Story(
            rows="CREATE 0, ANOMALY_NOTICE 5, RECOVER 700",
            told=Told(records="CREATE ANOMALY_NOTICE RECOVER", action=5, end=("recovered", 700), result="missed"),
        )
    ],
    "closed": [
        Story(
            rows="CREATE 0, CLOSE 150",
            told=Told(records="CREATE CLOSE", end=("closed", 150), result="ended"),
        )
    ],
    "closed by the system once acked": [
        Story(
            rows="CREATE 0, ACK 50, SYSTEM_CLOSE 150",
            told=Told(records="CREATE ACK SYSTEM_CLOSE", ack=50, end=("closed", 150), acked=True, result="met"),
        )
    ],
    "flow-controlled": [
        Story(  # no row tells the end
            rows="CREATE 0, ALERT_QOS 120",
            told=Told(records="CREATE ALERT_QOS", result="missed"),
            searched=Told(records="CREATE ALERT_QOS", end=("closed", 120), result="ended"),
        )
    ],
    "shielded": [
        Story(  # no row tells the shield
            rows="CREATE 0, ACTION 2",
            shielded=True,
            told=Told(records="CREATE ACTION", action=2, result="missed"),
            searched=Told(records="CREATE ACTION", action=2, shielded=True, result=None),
        )
    ],
    "shielded and recovered": [
        Story(
            rows="CREATE 0, RECOVER 250",
            shielded=True,
            told=Told(records="CREATE RECOVER", end=("recovered", 250), result="ended"),
            searched=Told(records="CREATE RECOVER", end=("recovered", 250), result=None),
        )
    ],
    "severity replaced": [
        Story(
            rows="CREATE 0, CLOSE 200",
            severity=2,
            told=Told(records="CREATE CLOSE", end=("closed", 200), result="ended"),
        ),
        Story(
            rows="CREATE 0, ACK 60, RECOVER 500",
            severity=1,
            born=200,
            told=Told(records="CREATE ACK RECOVER", ack=60, end=("recovered", 500), acked=True, result="met"),
        ),
    ],
    "CREATE missing": [
        Story(
            rows="ACTION 3, ACK 120, RECOVER 900",
            told=Told(
                records="ACTION ACK RECOVER", ack=120, action=3, end=("recovered", 900), acked=True, result="met"
            ),
        )
    ],
    "ACK row late, within settle": [
        Story(
            rows="CREATE 0, ACK 299+9, RECOVER 900",
            told=Told(records="CREATE ACK RECOVER", ack=299, end=("recovered", 900), acked=True, result="met"),
        )
    ],
    "ACK row late, after the deadline was judged": [
        Story(  # never taken back; a search tells of the ACK in time, and so does the row to who looks afterwards
            rows="CREATE 0, ACK 250+100, RECOVER 900",
            told=Told(records="CREATE ACK RECOVER", ack=250, end=("recovered", 900), acked=True, result="missed"),
            searched=Told(records="CREATE ACK RECOVER", ack=250, end=("recovered", 900), acked=True, result="met"),
            afterwards=Told(records="CREATE ACK RECOVER", ack=250, end=("recovered", 900), acked=True, result="met"),
        )
    ],
    "ACK row late, after the end": [
        Story(
            rows="CREATE 0, ACK 195+12, RECOVER 200",
            told=Told(records="CREATE ACK RECOVER", ack=195, end=("recovered", 200), acked=True, result="met"),
        )
    ],
    "ACK row lost": [
        Story(  # a search that told of it before the deadline makes it `met`; afterwards nobody knows when it was
            rows="CREATE 0, RECOVER 900",
            unrecorded_ack=120,
            told=Told(records="CREATE RECOVER", end=("recovered", 900), result="missed"),
            searched=Told(records="CREATE RECOVER", end=("recovered", 900), acked=True, result="met"),
            searched_afterwards=Told(records="CREATE RECOVER", end=("recovered", 900), acked=True, result="missed"),
        )
    ],
    "acked before it was created, by a clock that is behind": [
        Story(
            rows="CREATE 0, ACK -2, RECOVER 400",
            told=Told(
                records="CREATE ACK RECOVER",
                ack=0,
                end=("recovered", 400),
                acked=True,
                result="met",
                rejected="negative_latency",
            ),
        )
    ],
}
