"""One turn of a system: started fresh, warmed up, loaded with each number of connections, looked through, stopped."""

from collections.abc import Sequence

import msgspec

from benchmarks.facts import facts
from benchmarks.measure import Round, measure
from benchmarks.peers.ours import Ours
from benchmarks.peers.systems import System

_PLENTY = 2_000_000_000
_WARM_UP_SECONDS = 3


class Turn(msgspec.Struct, rename="camel", frozen=True):
    """What a turn gave.

    Attributes:
        number: counted from one; every system has one turn with each number.
        rounds: one for each number of connections.
        broken: what was promised and does not hold, in sentences.
        facts: about the servers, where the system is ours: all have the same.
    """

    system: str
    number: int
    rounds: Sequence[Round]
    broken: Sequence[str]
    facts: dict[str, str]

    @property
    def problems(self) -> list[str]:
        """All that is wrong."""
        return [*self.broken, *(problem for it in self.rounds for problem in it.problems)]


async def take_turn(
    system: System, number: int, connections: Sequence[int], seconds: int, units: int | None = None
) -> Turn:
    """Run a system, alone on this machine, and load it.

    Args:
        system: which.
        number: of the turn.
        connections: of each round.
        seconds: length of a round's load.
        units: what is on the shelf when a round begins; None for more than can be ordered.
    """
    async with system.open() as shop:
        await shop.shelve(_PLENTY)
        await measure(shop, max(connections), _WARM_UP_SECONDS)
        rounds = []
        for count in connections:
            if units is not None:
                await shop.shelve(units)
            rounds.append(await measure(shop, count, seconds))
        known = await facts(shop.target.redis_url, shop.ledger) if isinstance(shop, Ours) else {}
        return Turn(system.name, number, rounds, await shop.verify(), known)


def in_turns(systems: Sequence[System], count: int) -> list[tuple[int, System]]:
    """Each system once in every turn, and another one first each time."""
    return [
        (number + 1, systems[(number + place) % len(systems)])
        for number in range(count)
        for place in range(len(systems))
    ]
