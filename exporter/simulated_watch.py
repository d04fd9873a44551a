"""A watch file of a simulated world, kept up to date as somebody's script would keep that of a real one."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.simulator import World

WATCHED_FOR = 6 * 3600.0
"""Seconds after its creation that an alert stays in the watch file, unless told otherwise."""

_WRITE_EVERY = 1.0


@contextmanager
def watch_file_kept(
    path: Path, world: World, clock: Callable[[], float], watched_for: float = WATCHED_FOR
) -> Iterator[None]:
    """Keep a watch file that lists by team the alerts of the world's last `watched_for` seconds, as a script would."""
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(_WRITE_EVERY):
            write_watch_file(path, world, clock(), watched_for)

    write_watch_file(path, world, clock(), watched_for)
    thread = threading.Thread(target=keep, name="watch-file", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def write_watch_file(path: Path, world: World, now: float, watched_for: float = WATCHED_FOR) -> None:
    """Write the alerts of the last seconds before `now`, in one step, and only where that changes the file."""
    teams: dict[str, list[str]] = defaultdict(list)
    for alert in world.alerts(now):
        if alert.created_at >= now - watched_for:
            teams[alert.team].append(alert.id)
    text = json.dumps([{"alerts": teams[team], "labels": {"team": team}} for team in sorted(teams)], indent=1)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
