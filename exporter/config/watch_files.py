"""Files that list alerts, as file_sd does for targets: finding them, reading them."""

import glob
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, TypeAdapter

from exporter.config.document import read_document
from exporter.config.faults import ConfigError
from exporter.config.keys import key_paths
from exporter.config.labels import AlertId, LabelName, LabelValue, clashes
from exporter.config.model import Model
from exporter.config.report import judge


@dataclass(frozen=True, slots=True)
class WatchGroup:
    """Alert ids with the labels that they get."""

    alerts: tuple[str, ...]
    labels: Mapping[str, str]


class _Group(Model):
    """One element of a watch file."""

    alerts: tuple[AlertId, ...]
    labels: dict[LabelName, LabelValue] = Field(default_factory=dict)


_GROUPS = TypeAdapter(tuple[_Group, ...])
_KEYS = tuple(key_paths(_Group, "[]."))


def matching_files(patterns: Iterable[str]) -> tuple[Path, ...]:
    """Return the files that the glob patterns match now, each once, sorted by name within a pattern."""
    names = (name for pattern in patterns for name in sorted(glob.glob(pattern)))  # noqa: PTH207 - Path.glob is for relative patterns
    return tuple(path for path in map(Path, dict.fromkeys(names)) if path.is_file())


def load_watch_file(path: Path, reserved: Collection[str]) -> tuple[WatchGroup, ...]:
    """Return the groups in a watch file: a list of `{alerts: [...], labels: {...}}`, YAML or JSON.

    `reserved` are label names that its alerts have already: the fields under the config's `labels:`. An explicit `[]`
    is an empty watch; an empty file is a fault, for it may be half written. Raises ConfigError with all faults.
    """
    document = read_document(path)
    groups, faults = judge(document, _GROUPS.validate_python, _KEYS)
    faults += [document.fault(loc, message) for loc, message in clashes(document.value, reserved)]
    if groups is None or faults:
        raise ConfigError(sorted(faults, key=lambda fault: fault.line))
    return tuple(WatchGroup(group.alerts, group.labels) for group in groups)
