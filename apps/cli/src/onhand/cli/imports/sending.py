"""Sends batches of changes of stock, again under the same keys until each is answered."""

import threading
from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

import httpx
import msgspec

from onhand.cli.api import NoGateway, Refused, ask
from onhand.cli.client.gateway import Gateway
from onhand.common.errors import OnhandError

PATIENCE_SECONDS = 60.0
_PAUSES_SECONDS = (0.1, 0.25, 0.5, 1.0)
_LATER = frozenset({429, 502, 503, 504})


class CutOff(OnhandError):
    """The gateway gave no answer for too long."""


class Outcome(NamedTuple):
    """What became of a row.

    Attributes:
        problem: why it was refused; empty if it was not.
        replayed: whether it is known to have been applied before.
    """

    problem: str = ""
    replayed: bool = False


class _Detail(msgspec.Struct):
    detail: str
    pointer: str = ""


class _Problem(msgspec.Struct):
    detail: str
    errors: list[_Detail] = []


class _Result(msgspec.Struct):
    status: int
    replayed: bool = False
    problem: _Problem | None = None


class _Results(msgspec.Struct):
    results: list[_Result]


def send(gateway: Gateway, client: httpx.Client, items: Sequence[bytes], stopping: threading.Event) -> list[Outcome]:
    """Send items, each of which has its key, until all are answered.

    Args:
        gateway: to send them to.
        client: to send them with.
        items: as JSON.
        stopping: when it is set, nothing is sent again.

    Raises:
        CutOff: no answer came for `PATIENCE_SECONDS`, or it is stopping.
        Refused: the gateway does not take the batch.
    """
    outcomes: dict[int, Outcome] = {}
    failures, deadline = 0, monotonic() + PATIENCE_SECONDS
    while open_ := [number for number in range(len(items)) if number not in outcomes]:
        try:
            results = _post(gateway, client, [items[number] for number in open_])
        except NoGateway as error:
            results, why = [], str(error)
        except Refused as error:
            if error.status not in _LATER:
                raise
            results, why = [], str(error)
        answered = {n: it for n, it in zip(open_, results, strict=False) if it.status not in _LATER}
        outcomes |= {number: _outcome(it) for number, it in answered.items()}
        if len(answered) == len(open_):
            break
        why = next(
            (str(it.problem.detail) for it in results if it.status in _LATER and it.problem), why if not results else ""
        )
        if answered:
            failures, deadline = 0, monotonic() + PATIENCE_SECONDS
        if monotonic() > deadline or stopping.wait(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)]):
            raise CutOff(why)
        failures += 1
    return [outcomes[number] for number in range(len(items))]


def _post(gateway: Gateway, client: httpx.Client, items: Sequence[bytes]) -> list[_Result]:
    headers = {"Content-Type": "application/json"} | ({"X-Actor": gateway.actor} if gateway.actor else {})
    body = b'{"items":[' + b",".join(items) + b"]}"
    answer = ask(gateway.url, "POST", "stock", "batch", body=body, headers=headers, client=client)
    return msgspec.json.decode(answer, type=_Results).results


def _outcome(result: _Result) -> Outcome:
    if result.problem is None:
        return Outcome(replayed=result.replayed)
    # A pointer begins with /items/3: where the item was is of no use to who has a file.
    wrong = [f"{'/'.join(it.pointer.split('/')[3:]) or 'row'}: {it.detail}" for it in result.problem.errors]
    return Outcome("; ".join(wrong) or result.problem.detail)
