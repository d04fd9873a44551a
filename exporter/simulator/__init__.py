"""A BlueKing look-alike over real HTTP that knows the truth: seeded, reproducible, apart from other rooms."""

from exporter.simulator.faults import Faults
from exporter.simulator.lives import Alert, Life, life_of
from exporter.simulator.refusals import Refused
from exporter.simulator.rows import Row
from exporter.simulator.server import Simulator
from exporter.simulator.settings import Dialect, Placement, SimulatorSettings
from exporter.simulator.truth import Judgement
from exporter.simulator.world import World

__all__ = [
    "Alert",
    "Dialect",
    "Faults",
    "Judgement",
    "Life",
    "Placement",
    "Refused",
    "Row",
    "Simulator",
    "SimulatorSettings",
    "World",
    "life_of",
]
