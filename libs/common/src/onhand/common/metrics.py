"""Every metric: its name, what it tells, its labels. What a process counts itself is in Prometheus's own registry.

A label has few values, and none that a client or a message can make up: no ids, no paths, no types but those of
contracts. Nothing is counted for each message that can be counted for each batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from prometheus_client import Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped; else each series has another, of when it began

OTHER = "other"
"""Label of whatever has no name of its own."""

State = Literal["failed", "parked"]
STATES: tuple[State, ...] = get_args(State)
"""Of a dead letter."""

_MESSAGES = Counter(
    "onhand_messages",
    "Messages handled in a committed transaction, by type; other: passed over, because nobody here takes that type",
    ("service", "type"),
)
_BATCH_MESSAGES = Histogram(
    "onhand_batch_messages", "Messages in one transaction", ("service", "topic"), buckets=(1, 5, 20, 100, 500)
)
_BATCH_SECONDS = Histogram(
    "onhand_batch_seconds",
    "Duration of one transaction, from BEGIN to COMMIT",
    ("service", "topic"),
    buckets=(0.002, 0.01, 0.05, 0.25, 1),
)
_BATCH_FAILURES = Counter(
    "onhand_batch_failures",
    "Transactions that failed; transient: the database is away or busy; poison: a message may be to blame",
    ("service", "kind"),
)
_BURIED = Counter(
    "onhand_messages_buried",
    "Messages that became dead letters; failed: no handler could take it; parked: it waits behind such a one",
    ("service", "topic", "state"),
)
_RETRIED = Counter(
    "onhand_messages_retried",
    "Dead letters that were worked off, and parked messages; handled: they are no more; failed: they are again",
    ("service", "outcome"),
)


class BatchMetrics:
    """What one consumer counts.

    Args:
        service: whose consumer.
        topic: that it reads.
        types: of messages: what it takes.

    Attributes:
        messages: by type, and `OTHER`, how many were handled.
    """

    def __init__(self, service: str, topic: str, types: Iterable[str]) -> None:
        self.messages = {name: _MESSAGES.labels(service, name) for name in (*types, OTHER)}
        self._buried = {state: _BURIED.labels(service, topic, state) for state in STATES}
        self._sizes = _BATCH_MESSAGES.labels(service, topic)
        self._seconds = _BATCH_SECONDS.labels(service, topic)
        self._transient = _BATCH_FAILURES.labels(service, "transient")
        self._poison = _BATCH_FAILURES.labels(service, "poison")

    def committed(self, messages: int, seconds: float) -> None:
        """Count a transaction."""
        self._sizes.observe(messages)
        self._seconds.observe(seconds)

    def failed(self, *, transient: bool) -> None:
        """Count a transaction that was rolled back."""
        (self._transient if transient else self._poison).inc()

    def buried(self, state: State) -> None:
        """Count a message that has become a dead letter."""
        self._buried[state].inc()


class RetryMetrics:
    """What is counted of the dead letters of a service that are worked off."""

    def __init__(self, service: str) -> None:
        self.handled = _RETRIED.labels(service, "handled")
        self.failed = _RETRIED.labels(service, "failed")


class Looked(NamedTuple):
    """A metric that nobody keeps: its values are looked up when they are asked for."""

    name: str
    help: str
    labels: tuple[str, ...]

    def gauge(self, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
        """Give a value for each combination of labels."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family

    def counter(self, values: Mapping[tuple[str, ...], float]) -> CounterMetricFamily:
        """Give a count for each combination of labels."""
        family = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family

    def histogram(
        self, bounds: Sequence[float], values: Mapping[tuple[str, ...], tuple[Sequence[int], float]]
    ) -> HistogramMetricFamily:
        """Give, for each combination of labels, how many are within each bound (and beyond the last), and their sum."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        names = [*map(floatToGoString, bounds), "+Inf"]
        for labels, (counts, total) in values.items():
            family.add_metric(labels, list(zip(names, _running_totals(counts), strict=True)), total)
        return family


def _running_totals(counts: Iterable[int]) -> list[float]:
    total = 0
    return [float(total := total + count) for count in counts]


STREAM_LENGTH = Looked("onhand_stream_length", "Entries of a stream, finished ones among them", ("stream",))
GROUP_LAG = Looked(
    "onhand_group_lag",
    "Entries that were given to no consumer of the group yet; absent while Redis cannot tell",
    ("stream", "group"),
)
GROUP_PENDING = Looked(
    "onhand_group_pending", "Entries that were given to a consumer and not acknowledged", ("stream", "group")
)
GROUP_OLDEST_PENDING = Looked(
    "onhand_group_oldest_pending_seconds",
    "Time since the first pending entry was last given to a consumer; 0 if there is none",
    ("stream", "group"),
)
GROUP_ABANDONED = Looked(
    "onhand_group_abandoned",
    "1 if entries wait for a group that is not of orders or inventory, and nobody has read for it for five minutes",
    ("stream", "group"),
)
OUTBOX_ROWS = Looked(
    "onhand_outbox_rows", "Batches of events that are not known to be published; few, and none at rest", ("service",)
)
OUTBOX_OLDEST = Looked("onhand_outbox_oldest_seconds", "Age of the oldest of them; 0 if there is none", ("service",))
DEAD_LETTERS = Looked(
    "onhand_dead_letters", "Messages that no handler could take, and those that wait behind them", ("service", "state")
)
SCRAPE_SUCCESS = Looked(
    "onhand_scrape_success",
    "1 if this source could be asked just now; 0 if it could not, and what it would tell is absent",
    ("source",),
)
REQUESTS = Looked("onhand_requests", "HTTP requests answered", ("route", "method", "status"))
REQUEST_SECONDS = Looked("onhand_request_seconds", "Duration of HTTP requests, until the answer is sent", ("route",))
REQUESTS_REFUSED = Looked(
    "onhand_requests_refused",
    "Requests that were not sent, by reason: Redis or the receiver is away, too many are under way, a backlog waits",
    ("reason",),
)
REQUESTS_IN_FLIGHT = Looked("onhand_requests_in_flight", "Requests that wait for a reply; at most MAX_IN_FLIGHT", ())
LISTENERS = Looked("onhand_listeners", "Streams of events that are open; at most MAX_LISTENERS", ())
LISTENERS_DROPPED = Looked(
    "onhand_listeners_dropped", "Streams of events that were closed because nobody read them", ()
)
