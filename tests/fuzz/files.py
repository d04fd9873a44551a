"""Files that people write: the config, watch files, the web config file. An input is the content of one."""

import atexit
import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import yaml

from exporter.config import ALERT_ID, ConfigError, Fault, effective_yaml, load_config, load_watch_file, load_web_file

_LARGEST = 64 * 1024
_ID = re.compile(ALERT_ID)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # YAML's
_glob = glob.glob


def config(inputs: bytes) -> None:
    """Load a config: settings that can be shown as YAML, or faults."""
    with _written("config.yaml", inputs) as path, _legible(path):
        shown = yaml.safe_load(effective_yaml(load_config(path, {})))
        assert isinstance(shown, dict)


def watch(inputs: bytes) -> None:
    """Load a watch file, as YAML and as JSON: groups of ids, or faults."""
    for name in ("watch.yaml", "watch.json"):
        with _written(name, inputs) as path, _legible(path):
            for group in load_watch_file(path, ("severity",)):
                assert all(map(_ID.fullmatch, group.alerts))
                assert "severity" not in group.labels


def web_file(inputs: bytes) -> None:
    """Load a web config file: what it says, or faults; whoever named users has some."""
    with _written("web.yaml", inputs) as path, _legible(path):
        loaded = load_web_file(path)
        assert bool(loaded.basic_auth_users) == bool((yaml.safe_load(inputs) or {}).get("basic_auth_users"))


@contextmanager
def _written(name: str, content: bytes) -> Iterator[Path]:
    """Give a file with this content, in a folder beyond which no pattern of files finds any: /proc has odd ones."""
    folder = _folder(name)

    def found(pattern: str) -> list[str]:
        return _glob(pattern) if pattern.startswith(f"{folder}/") and ".." not in pattern else []

    path = folder / name
    path.write_bytes(content[:_LARGEST])
    with patch("glob.glob", found):
        yield path


@cache
def _folder(name: str) -> Path:
    """Return a folder for files of this name; to make one for each input would take longer than to read that."""
    folder = TemporaryDirectory(prefix=f"{name}-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@contextmanager
def _legible(path: Path) -> Iterator[None]:
    """Take faults, each of them in a line that there is and told in a line that can be printed; nothing else."""
    faults: tuple[Fault, ...] = ()
    try:
        yield
    except ConfigError as error:
        faults = error.faults
        assert faults
    lines = 1 + len(_LINE_BREAK.findall(path.read_bytes().decode(errors="replace")))
    for fault in faults:
        assert 1 <= fault.line <= lines
        assert fault.message
        assert str(fault).isprintable()
