"""What is found wrong: everything is counted, the first of it is kept to be shown."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

Invariant = Literal["I1", "I2", "I3", "I4", "I5"]

SAYS: dict[Invariant, str] = {
    "I1": "every order is stored once, with its whole log",
    "I2": "stock is what the ledger adds up to, nobody has more of it than there is, who waits is served in turn",
    "I3": "every order ends once, as Inventory decided",
    "I4": "replaying changes nothing: the log of an order leads to what is stored",
    "I5": "nothing is left behind in an outbox, on a stream, or as a dead letter",
}
"""Each invariant in words, in the order they are shown."""

MOST_SHOWN = 20
"""Findings that are kept of each invariant."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        subject: the order, the product, the stream or the table.
        problem: what is wrong with it; the words go on where the subject ends.
        count: how many violations this is.
    """

    invariant: Invariant
    subject: str
    problem: str
    count: int = 1


class Check(msgspec.Struct, frozen=True):
    """How one invariant was found.

    Attributes:
        checked: how many orders, products or places were looked at.
        violations: how much is wrong.
        findings: the first of it.
    """

    invariant: Invariant
    says: str
    checked: int
    violations: int
    holds: bool
    findings: list[Finding]


class Verdict(msgspec.Struct, frozen=True):
    """How all invariants were found.

    Attributes:
        seconds: how long it took.
        notes: what is no violation, and should be known.
    """

    holds: bool
    seconds: float
    checks: list[Check]
    notes: list[str]


class Findings:
    """Collects what is wrong, in bounded memory.

    Attributes:
        counts: how much is wrong with each invariant.
        kept: the first findings of each.
    """

    def __init__(self) -> None:
        self.counts: Counter[Invariant] = Counter()
        self.kept: dict[Invariant, list[Finding]] = {invariant: [] for invariant in SAYS}

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return self.counts.total() > 0

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and keep the first ones."""
        for finding in findings:
            self.counts[finding.invariant] += finding.count
            if len(self.kept[finding.invariant]) < MOST_SHOWN:
                self.kept[finding.invariant].append(finding)

    def add_unread(self, invariant: Invariant, count: int) -> None:
        """Count what is wrong besides, and was not read one by one."""
        self.counts[invariant] += count

    def merge(self, other: "Findings") -> None:
        """Add what another collected."""
        for invariant, kept in other.kept.items():
            self.add(kept)
            self.add_unread(invariant, other.counts[invariant] - sum(it.count for it in kept))

    def check(self, invariant: Invariant, checked: int) -> Check:
        """Sum up what was found of an invariant when so much was checked."""
        violations = self.counts[invariant]
        return Check(invariant, SAYS[invariant], checked, violations, not violations, self.kept[invariant])
