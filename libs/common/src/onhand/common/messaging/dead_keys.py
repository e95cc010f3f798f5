"""The keys that have dead letters, as far as this process knows."""

from onhand.common.database import Transactions

_MOST_KEYS = 1000


class DeadKeys:
    """A hint at which messages to ask the database about, so that a batch costs nothing while nothing is dead.

    It knows at once what this process has buried, and within a second what another one has. Until then, and while a
    message on another topic is still being tried, one after it with the same key may be handled. No order among
    replicas or topics is promised anyway: a consumer group is no partition, and handlers accept messages in any order.
    """

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._are_too_many = False
        self._added = 0

    def may_hold(self, key: str) -> bool:
        """Whether there may be a dead letter with a key."""
        return self._are_too_many or key in self._keys

    @property
    def is_empty(self) -> bool:
        """Whether no key has a dead letter."""
        return not self._keys

    def add(self, key: str) -> None:
        """Note that a dead letter with a key is on disk."""
        self._keys.add(key)
        self._added += 1

    async def refresh(self, transactions: Transactions) -> None:
        """Ask the database."""
        added = self._added
        async with transactions.transaction() as tx:
            rows = await tx.fetch(
                "SELECT DISTINCT key FROM dead_letters WHERE key IS NOT NULL LIMIT $1", _MOST_KEYS + 1
            )
        found = {row["key"] for row in rows}
        self._are_too_many = len(found) > _MOST_KEYS
        # What was added meanwhile may have been committed after the database had looked.
        self._keys = found if added == self._added else found | self._keys
