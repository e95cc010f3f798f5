"""What the demo counts, and what it has seen lately. Pure: moments are passed in."""

from collections import Counter, deque
from collections.abc import Sequence

import msgspec

_LATENCIES = 10_000
"""The latest that percentiles are taken of."""
_NEWS = 12
_SECONDS_SHOWN = 60


class Shelf(msgspec.Struct):
    """How a product stands.

    Attributes:
        full: units on a full shelf.
        waiting: orders that wait for it, as far as the demo placed them.
    """

    name: str
    full: int
    available: int = 0
    waiting: int = 0
    depleted: int = 0


class Summary(msgspec.Struct, rename="camel"):
    """What a run came to.

    Each order counts in one of confirmed, backordered, rejected and unsettled: as it was decided first.

    Attributes:
        unsettled: orders whose decision was not seen in time.
        filled: backorders that got all of their units later.
        expired: holds that ran out.
        deliveries: of stock, after the first.
        run_dry: how often a product was seen to run out.
        retried: requests that got no answer or a 503 or 504, and were sent again under their key.
        unanswered: requests that were given up.
        skipped: shoppers who found the shop too full and did not come in.
        p50_ms: from the request for an order to its 201.
        settled_p50_ms: from there to the decision, as it was seen by asking again and again.
    """

    tag: str
    seed: int
    seconds: float
    orders: int
    orders_per_second: float
    confirmed: int
    backordered: int
    rejected: int
    unsettled: int
    filled: int
    cancelled: int
    fulfilled: int
    returned: int
    held: int
    expired: int
    deliveries: int
    run_dry: int
    retried: int
    unanswered: int
    skipped: int
    p50_ms: float
    p99_ms: float
    settled_p50_ms: float
    settled_p99_ms: float


COUNTED = (
    "orders",
    "confirmed",
    "backordered",
    "rejected",
    "unsettled",
    "filled",
    "cancelled",
    "fulfilled",
    "returned",
    "held",
    "expired",
    "deliveries",
    "run_dry",
    "retried",
    "unanswered",
    "skipped",
)
"""What `Figures.counts` may count; the fields of `Summary`."""


class Figures:
    """All that the screen shows.

    Attributes:
        shelves: by product id, the most popular first.
        news: the latest first: a style and a sentence.
    """

    def __init__(self, tag: str, seed: int) -> None:
        self.tag = tag
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self.shelves: dict[str, Shelf] = {}
        self.news: deque[tuple[str, str]] = deque(maxlen=_NEWS)
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._settled: deque[float] = deque(maxlen=_LATENCIES)
        self._by_second: deque[tuple[int, int]] = deque(maxlen=_SECONDS_SHOWN)

    def say(self, style: str, sentence: str) -> None:
        """Put a sentence on top of the news."""
        self.news.appendleft((style, sentence))

    def placed(self, elapsed: float, latency_ms: float) -> None:
        """Note an order that was answered.

        Args:
            elapsed: seconds since the beginning.
            latency_ms: from the request to its 201.
        """
        self.counts["orders"] += 1
        self._latencies.append(latency_ms)
        second = int(elapsed)
        if self._by_second and self._by_second[-1][0] == second:
            self._by_second[-1] = (second, self._by_second[-1][1] + 1)
        else:
            self._by_second.append((second, 1))

    def settled(self, status: str, latency_ms: float) -> None:
        """Note how an order was decided, and how long after its 201."""
        self.counts[status] += 1
        self._settled.append(latency_ms)

    def stands(self, product_id: str, available: int) -> bool:
        """Note how much there is of a product; returns whether it has just run out."""
        shelf = self.shelves[product_id]
        ran_dry = available <= 0 < shelf.available
        shelf.available = available
        if ran_dry:
            shelf.depleted += 1
            self.counts["run_dry"] += 1
        return ran_dry

    def rates(self, elapsed: float, width: int) -> list[int]:
        """Orders in each of the latest whole seconds, the oldest first."""
        seconds = dict(self._by_second)
        now = int(elapsed)
        return [seconds.get(second, 0) for second in range(max(0, now - width), now)]

    def percentiles(self) -> tuple[float, float]:
        """The median and the 99th percentile of the way to the 201, in milliseconds."""
        return percentile(self._latencies, 50), percentile(self._latencies, 99)

    def summary(self, seconds: float) -> Summary:
        """Return what it came to."""
        p50, p99 = self.percentiles()
        return Summary(
            tag=self.tag,
            seed=self.seed,
            seconds=round(seconds, 1),
            orders_per_second=round(self.counts["orders"] / max(seconds, 0.001), 1),
            p50_ms=p50,
            p99_ms=p99,
            settled_p50_ms=percentile(self._settled, 50),
            settled_p99_ms=percentile(self._settled, 99),
            **{name: self.counts[name] for name in COUNTED},
        )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent are not above (nearest rank), to a tenth; 0 if there are no values."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)
