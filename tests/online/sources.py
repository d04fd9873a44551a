"""Simulated sources to check: their alerts, their settings, and what a check found."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exporter.config import SourceSettings
from exporter.online import Check, Verdict, check_source
from exporter.simulator import Faults, Life, Row, Simulator, SimulatorSettings, life_of

NOW = 1_767_225_600.0
CREATED = int(NOW) - 600
IDS = tuple(f"{CREATED + number}{number:05}" for number in range(6))
UNKNOWN = f"{CREATED}99999"
SECRET = "not-a-secret"
SEARCH = {"search": {"bk_biz_ids": [2], "query_string": "severity:2", "conditions": [{"key": "ip", "value": "x"}]}}

Start = Callable[..., Simulator]


def make_lives(ids: Iterable[str] = IDS) -> list[Life]:
    """Return alerts of business 2 that were created when their ids say."""
    return [life_of(alert_id, [Row(int(alert_id[:10]), "CREATE")]) for alert_id in ids]


def make_simulator(lives: Iterable[Life] | None = None, *, faults: Faults | None = None, **settings: Any) -> Simulator:
    """Return a simulated source, not yet started, whose clock stands at `NOW`."""
    known = SimulatorSettings(faults=faults or Faults(), **settings)
    return Simulator(known, now=lambda: NOW, lives=make_lives() if lives is None else lives)


def make_source(url: str, *watch: Mapping[str, object], **settings: Any) -> SourceSettings:
    """Return the settings of the source at `url`; without `watch`, its business 2 is searched."""
    auth = {"app_code": "flow-exporter", "app_secret": SECRET, "username": "admin"} | settings.pop("auth", {})
    watches = watch or ({"search": {"bk_biz_ids": [2]}},)
    given = {"name": "prod", "url": url, "auth": auth, "watch": list(watches), "timeout": 5}
    return SourceSettings.model_validate(given | settings)


def checked(source: SourceSettings, now: float = NOW) -> dict[str, Check]:
    """Check a source and return the checks by name; the last one of a name."""
    return {check.name: check for check in check_source(source, ["bk_biz_id"], now=now)}


def verdicts(checks: Mapping[str, Check]) -> dict[str, Verdict]:
    """Return the verdicts by name."""
    return {name: check.verdict for name, check in checks.items()}
