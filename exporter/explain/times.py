"""Times of an explanation: as written in this machine's zone, and in the server's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Zones:
    """The zone of the server process, and the local one; None stands for the machine's own."""

    server: tzinfo
    local: tzinfo | None = None

    def locally(self, at: float) -> datetime:
        """Return unix seconds as a local time."""
        return datetime.fromtimestamp(at, UTC).astimezone(self.local)

    def at_server(self, at: float) -> datetime:
        """Return unix seconds as the server writes them."""
        return datetime.fromtimestamp(at, UTC).astimezone(self.server)

    def columns(self, times: Iterable[float]) -> tuple[str, str]:
        """Return the formats of a column of local times and of one of server times, as short as is clear.

        The year is left out where it is the same throughout, the server's date where it is always the local one.
        """
        pairs = [(self.locally(at), self.at_server(at)) for at in times]
        years = {moment.year for pair in pairs for moment in pair}
        local = "%m-%d %H:%M:%S" if len(years) <= 1 else "%Y-%m-%d %H:%M:%S"
        is_same_day = all(here.date() == there.date() for here, there in pairs)
        return local, "%H:%M:%S" if is_same_day else local
