"""A soak: an exporter at work for a while, measured from outside, and what it told in the end."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import yaml

from tests.e2e.harness import ExporterProcess, flow_samples, wait_until
from tests.e2e.reloading import LIFECYCLE
from tests.soak.deployments import Deployments
from tests.soak.reading import Readers, reload
from tests.soak.samples import Sample, take

_PACE = 0.5  # seconds between two demands
_READY_WITHIN = 60.0
_RIGHT_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a soak takes, and how often it samples and reloads, in seconds; one `seed` makes the same alerts."""

    seconds: float
    seed: int
    sample_every: float = 10.0
    reload_every: float = 60.0


@dataclass(slots=True)
class Soaked:
    """What came of a soak: its samples, how much was demanded, how many alerts there were.

    `wrong` tells each flow metric that was not what it should be in the end: what was told, and the truth.
    """

    samples: list[Sample] = field(default_factory=list)
    answers: int = 0
    reloads: int = 0
    lived: int = 0
    wrong: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def soak(folder: Path, plan: Plan, tell: Callable[[Sample], None]) -> Soaked:
    """Let an exporter work in `folder`, and `tell` each sample; raises where it ends or refuses."""
    config = folder / "config.yaml"
    deployments = Deployments(folder, plan.seed, _READY_WITHIN + plan.seconds)
    deployments.list_alerts()
    with deployments.running():
        config.write_text(yaml.safe_dump(deployments.config()))
        with ExporterProcess(config, LIFECYCLE) as exporter:
            wait_until(lambda: bool(flow_samples(exporter.samples())), _READY_WITHIN)
            soaked = _Soak(exporter, deployments, folder, plan, tell).go_on()
            deployments.stand_still()
            reload(exporter, config, deployments.config(impatient=True), by_signal=False)
            wait_until(lambda: not deployments.wrong(exporter.samples()), _RIGHT_WITHIN)
            soaked.wrong = deployments.wrong(exporter.samples())
            assert exporter.stop() == 0
    return soaked


class _Soak:
    """The demands on an exporter, and its samples."""

    def __init__(
        self,
        exporter: ExporterProcess,
        deployments: Deployments,
        folder: Path,
        plan: Plan,
        tell: Callable[[Sample], None],
    ) -> None:
        self._exporter = exporter
        self._deployments = deployments
        self._folder = folder
        self._plan = plan
        self._tell = tell
        self._soaked = Soaked()

    def go_on(self) -> Soaked:
        """Go on for as long as planned."""
        begun = time.monotonic()
        sampling, reloading, pause = _Rhythm(self._plan.sample_every), _Rhythm(self._plan.reload_every), Event()
        with closing(Readers(self._exporter)) as readers:
            while time.monotonic() < begun + self._plan.seconds:
                self._deployments.list_alerts()
                readers.ask()
                if sampling.is_due():
                    readers.look_at_an_alert()
                    self._sample(time.monotonic() - begun)
                if reloading.is_due():
                    self._reload()
                pause.wait(_PACE)
        self._soaked.answers = readers.answers
        self._soaked.lived = self._deployments.lived
        return self._soaked

    def _sample(self, seconds: float) -> None:
        sample = take(self._exporter, self._folder / "flow.db", seconds=seconds)
        self._soaked.samples.append(sample)
        self._tell(sample)

    def _reload(self) -> None:
        number = self._soaked.reloads = self._soaked.reloads + 1
        document = self._deployments.config(number)
        reload(self._exporter, self._folder / "config.yaml", document, by_signal=number % 2 == 0)


class _Rhythm:
    """Tells when it is time again."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._next_at = time.monotonic() + every

    def is_due(self) -> bool:
        """Whether so many seconds have passed since it was due last."""
        if time.monotonic() < self._next_at:
            return False
        self._next_at += self._every
        return True
