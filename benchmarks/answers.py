"""What the gateway says it answered."""

import asyncio
from collections import Counter
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS = 10.0


async def errors_by_status(url: str) -> Counter[int]:
    """Answers of 400 and above, by status, since the gateway at `url` was started.

    503 is left out: it is the right answer to what is too much, and the cheap ones are not counted there.

    Raises:
        OSError: it does not answer.
    """
    text = await asyncio.to_thread(_read, f"{url}/metrics")
    counts: Counter[int] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            status = int(sample.labels.get("status", 0))
            if sample.name == "onhand_requests_total" and status >= 400 and status != 503:
                counts[status] += int(sample.value)
    return counts


def _read(url: str) -> str:
    with urlopen(url, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  # the gateway under load
        return str(response.read().decode())
