"""Loading a config file: its settings, or all that is wrong with it and with the watch files it names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.config.document import read_document
from exporter.config.faults import ConfigError, Fault
from exporter.config.keys import key_paths
from exporter.config.model import Surroundings, listed, peek
from exporter.config.places import anchored
from exporter.config.report import judge
from exporter.config.settings import Settings, label_fields
from exporter.config.watch_files import load_watch_file, matching_files

_KEYS = tuple(key_paths(Settings))


def load_config(path: Path, env: Mapping[str, str]) -> Settings:
    """Return the settings in a YAML file, with the secrets that it names in files and in `env`.

    File names in it are relative to its folder. Raises ConfigError with all faults: its own by line, then those of each
    watch file that exists.
    """
    document = read_document(path)
    surroundings = Surroundings(path.parent.absolute(), env)
    settings, faults = judge(document, lambda value: Settings.model_validate(value, context=surroundings), _KEYS)
    faults = sorted(faults, key=lambda fault: fault.line)
    faults += _watch_file_faults(document.value, surroundings.folder)
    if settings is None or faults:
        raise ConfigError(faults)
    return settings


def _watch_file_faults(config: object, folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    for file in matching_files(anchored(pattern, folder) for pattern in _patterns(config)):
        try:
            load_watch_file(file, label_fields(config))
        except ConfigError as error:
            faults += error.faults
    return faults


def _patterns(config: object) -> Iterator[str]:
    """Yield the file patterns of a config that may have faults elsewhere."""
    for _, source in listed(peek(config, "sources")):
        for _, watch in listed(peek(source, "watch")):
            yield from (pattern for _, pattern in listed(peek(watch, "files")) if isinstance(pattern, str) and pattern)
