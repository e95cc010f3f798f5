"""One turn of a system: started fresh, warmed up, loaded with each number of connections, looked through, stopped."""

from collections.abc import Sequence

import msgspec

from benchmarks.facts import facts
from benchmarks.measure import Round, measure
from benchmarks.peers.ours import Ours
from benchmarks.peers.systems import Shop, System
from benchmarks.rates import RateRound, measure_rate

_PLENTY = 2_000_000_000
_WARM_UP_SECONDS = 3
_WARM_UP_CONNECTIONS = 64


class Turn(msgspec.Struct, rename="camel", frozen=True):
    """What a turn gave.

    Attributes:
        number: counted from one; every system has one turn with each number.
        rounds: one for each number of connections; none at fixed rates.
        broken: what was promised and does not hold, and what lets it lose what it stored, in sentences.
        facts: about the servers, where the system is ours: all have the same.
        rate_rounds: one for each rate, if there are fixed ones.
    """

    system: str
    number: int
    rounds: Sequence[Round]
    broken: Sequence[str]
    facts: dict[str, str]
    rate_rounds: Sequence[RateRound] = ()

    @property
    def problems(self) -> list[str]:
        """All that is wrong with the system."""
        rounds = [*self.rounds, *(it.round for it in self.rate_rounds)]
        return [*self.broken, *(problem for it in rounds for problem in it.problems)]

    @property
    def flaws(self) -> list[str]:
        """All for which there is no figure: also that the load generator was late, which is not the system's fault."""
        late = [f"at {it.rate:,.0f}/s {it.flaw}" for it in self.rate_rounds if it.flaw and not it.round.problems]
        return [*self.problems, *late]


async def take_turn_at_rates(system: System, number: int, rates: Sequence[int], connections: int, seconds: int) -> Turn:
    """Run a system, alone on this machine, and load it at fixed rates.

    Args:
        system: which.
        number: of the turn.
        rates: requests per second of each round.
        connections: the most requests that are under way at once.
        seconds: length of a round's load.
    """
    async with system.open() as shop:
        await shop.shelve(_PLENTY)
        await measure(shop, min(connections, _WARM_UP_CONNECTIONS), _WARM_UP_SECONDS)
        ledger = shop.ledger if isinstance(shop, Ours) else None
        rounds = [await measure_rate(shop, connections, seconds, rate, ledger) for rate in rates]
        return await _end(shop, system, number, rate_rounds=rounds)


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
        return await _end(shop, system, number, rounds)


async def _end(
    shop: Shop, system: System, number: int, rounds: Sequence[Round] = (), rate_rounds: Sequence[RateRound] = ()
) -> Turn:
    """Look through what is stored."""
    known = await facts(shop.target.redis_url, shop.ledger) if isinstance(shop, Ours) else {}
    return Turn(system.name, number, rounds, [*await shop.risks(), *await shop.verify()], known, rate_rounds)


def in_turns(systems: Sequence[System], count: int) -> list[tuple[int, System]]:
    """Each system once in every turn, and another one first each time."""
    return [
        (number + 1, systems[(number + place) % len(systems)])
        for number in range(count)
        for place in range(len(systems))
    ]
