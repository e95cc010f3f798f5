"""Dead letters: messages that no handler could take, and those parked behind them. The effect of both is missing."""

from typing import NamedTuple

from onhand.cli.verification.findings import MOST_SHOWN, Finding
from onhand.cli.verification.snapshots import Books


class DeadLetters(NamedTuple):
    """Dead letters of one service, from one topic and with one explanation.

    Attributes:
        state: `failed`, or `parked`: a dead letter with the same key comes before it, and explains it.
    """

    service: str
    topic: str
    state: str
    error: str
    letters: int

    def __str__(self) -> str:
        if self.state == "parked":
            many = "a message" if self.letters == 1 else f"{self.letters} messages"
            return f"has {many} from {self.topic} parked behind dead letters"
        many = "a dead letter" if self.letters == 1 else f"{self.letters} dead letters"
        return f"has {many} from {self.topic}: {self.error.strip() or 'without an explanation'}"

    def as_finding(self) -> Finding:
        """What is wrong about them."""
        return Finding("I5", self.service, str(self), self.letters)


async def read_dead_letters(books: Books, *, explained: bool) -> tuple[list[DeadLetters], int]:
    """Read the most frequent dead letters of each service; also returns how many there are in all.

    Args:
        books: where they lie.
        explained: whether to read those that are explained, by their error or by being parked, or the others.
    """
    found, total = [], 0
    for service, database in books.by_service():
        async with database.transaction() as tx:
            rows = await tx.fetch(
                """
                SELECT topic, state, error, count(*) AS letters, (sum(count(*)) OVER ())::bigint AS total
                FROM dead_letters WHERE (state = 'parked' OR btrim(error) <> '') = $1
                GROUP BY topic, state, error ORDER BY letters DESC, topic, state, error LIMIT $2
                """,
                explained,
                MOST_SHOWN,
            )
        found += [DeadLetters(service, row["topic"], row["state"], row["error"], row["letters"]) for row in rows]
        total += rows[0]["total"] if rows else 0
    return found, total
