"""Membership: the shards that this exporter owns among all who share the ledger, and since when it may tell of them."""

from collections.abc import Callable, Collection, Iterator

import structlog

from exporter.flow.shards import Shards
from exporter.ledger.lease import LENGTH, Lease, seconds
from exporter.ledger.members import Members

_HOLD = LENGTH + 1.0
"""Seconds for which a shard that was not handed over is not told: the lease of whoever had it has ended by then."""

_COMING_BACK = 7.0
"""Seconds for which who lost its session leaves alone what is not its own: others that lost theirs look every 5."""

log = structlog.get_logger()


def fair_part(shards: int, members: Members) -> int:
    """Return how many shards a member is to own: as many as the others, or one more."""
    part, rest = divmod(shards, members.number)
    return part + (members.rank < rest)


class Membership:
    """What a member knows of its shards; asks nobody. Used by one thread; `monotonic` tells `seconds`.

    `told` are the shards that may be told now, under the `lease`; `version` grows where they become more.
    """

    def __init__(self, shards: Shards, monotonic: Callable[[], float] = seconds) -> None:
        self.shards = shards
        self.members = Members()
        self.owned: frozenset[int] = frozenset()
        self.told: frozenset[int] = frozenset()
        self.retiring: frozenset[int] = frozenset()  # given up, and not handed over as long as anything tells of them
        self.untold: frozenset[int] = frozenset()  # of these, those of which nobody else can be telling
        self.lease = Lease() if shards.number == 1 else Lease(float("-inf"), monotonic)
        self.version = 0
        self._monotonic = monotonic
        self._told_from: dict[int, float] = {}
        self._awaited = 0  # members that were there before the session was lost, and may come back as this one did
        self._awaited_until = 0.0

    def look(self, members: Members, asked_at: float) -> None:
        """Note who shares the ledger, and that it was asked at `asked_at` and what is owned is so."""
        if members.number != self.members.number:
            log.info("members of the ledger", members=members.number, before=self.members.number)
        if self.members.session not in (0, members.session):
            self._awaited = max(self._awaited, self.members.number)
            self._awaited_until = self._monotonic() + _COMING_BACK
        elif members.number >= self._awaited or self._monotonic() >= self._awaited_until:
            self._awaited = 0
        self.members = members
        self.lease.renew(asked_at)

    @property
    def missing(self) -> int:
        """How many shards it should take; less than none where it has too many.

        Where all lost their sessions, the first one back would else take from the others what nobody may tell then.
        """
        missing = fair_part(self.shards.number, self.members) - len(self.owned)
        return min(missing, 0) if self.members.number < self._awaited else missing

    def wanted(self) -> Iterator[int]:
        """Yield the shards to try, beginning where no other member begins."""
        number = self.shards.number
        first = self.members.rank * number // self.members.number
        return (s % number for s in range(first, first + number) if s % number not in self.owned | self.retiring)

    def took(self, shards: frozenset[int], handed_over: Collection[int]) -> None:
        """Note shards that are owned from now on; those that were `handed_over` may be told at once."""
        now = self._monotonic()
        is_alone = self.shards.number == 1
        self._told_from |= {s: now if is_alone or s in handed_over else now + _HOLD for s in shards}
        self.owned |= shards
        if not is_alone:
            log.info("shards taken", shards=sorted(shards), not_handed_over=sorted(shards.difference(handed_over)))
        self.tell_more()

    def tell_more(self) -> None:
        """Note which shards may be told by now."""
        now = self._monotonic()
        told = frozenset(shard for shard in self.owned if self._told_from[shard] <= now)
        if told != self.told:
            self.told = told
            self.version += 1

    def give_up(self) -> frozenset[int]:
        """Choose the shards that are too many, own them no more, and return them."""
        surplus = frozenset(sorted(self.owned)[self.missing :]) if self.missing < 0 else frozenset[int]()
        if surplus:
            log.info("shards given up", shards=sorted(surplus), members=self.members.number)
            self._retire(surplus)
        return surplus

    def leave_all(self) -> frozenset[int]:
        """Own nothing any more; return what was owned."""
        owned = self.owned
        self._retire(owned)
        return owned

    def handed_over(self, shards: frozenset[int]) -> None:
        """Note that others may have taken shards that were retiring."""
        self.retiring -= shards
        self.untold -= shards

    def lost(self, shards: frozenset[int]) -> None:
        """Note that others have these shards: nothing that was told of them holds any more."""
        log.warning("shards lost to other members", shards=sorted(shards))
        self._leave(shards)
        before, self.lease = self.lease, self.lease.successor()
        before.end()

    def _retire(self, shards: frozenset[int]) -> None:
        # Of what this member could not tell yet, whoever had it before may still be telling.
        self.untold |= shards & self.told
        self.retiring |= shards
        self._leave(shards)

    def _leave(self, shards: frozenset[int]) -> None:
        self.owned -= shards
        self.told -= shards
