"""What the gateway says that it answered, and that it has still to answer."""

import asyncio
from collections import Counter
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_TIMEOUT_SECONDS = 10.0


async def errors_by_status(url: str) -> Counter[int]:
    """Answers of 400 and above, by status, since the gateway at `url` was started.

    503 is left out: it is the right answer to what is too much, and the cheap ones are not counted there.

    Raises:
        OSError: it does not answer.
    """
    counts: Counter[int] = Counter()
    for sample in await _samples(url):
        status = int(sample.labels.get("status", 0))
        if sample.name == "onhand_requests_total" and status >= 400 and status != 503:
            counts[status] += int(sample.value)
    return counts


async def in_flight(url: str) -> int:
    """Requests for which the gateway at `url` waits for a reply.

    Raises:
        OSError: it does not answer.
    """
    return sum(int(it.value) for it in await _samples(url) if it.name == "onhand_requests_in_flight")


async def _samples(url: str) -> list[Sample]:
    text = await asyncio.to_thread(_read, f"{url}/metrics")
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _read(url: str) -> str:
    with urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # the gateway under load
        return str(response.read().decode())
