"""The service of docs/add-a-service.md, beside a real system: it needs nothing of the others but what they tell."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import Raw
from msgspec.structs import replace
from redis import Redis

from onhand.common.contracts import OrderConfirmed
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.envelope import Envelope, encode, wrap
from tests.e2e.conftest import StartSystem
from tests.e2e.databases import read
from tests.e2e.messages import payloads
from tests.e2e.system import System, free_ports
from tests.e2e.traffic import place_order, set_stock, settled, traffic
from tests.e2e.verification import verify
from tests.e2e.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "notifications"
PACKED, NOT_FILLED = "Your order is being packed.", "Your order cannot be filled."


class Notifications:
    """The example, run by `onhand run` as its page says."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """It while it runs."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Type `onhand run notifications`, and wait until it says that it is ready."""
        self._process = self._system.spawn("onhand.cli", "run", "notifications")
        eventually(lambda: self._system.says_it_is_ready(self.url) or self.process.poll() is not None)
        assert self.process.poll() is None, self._system.log()

    @property
    def url(self) -> str:
        """Where its health and its metrics are."""
        return f"http://127.0.0.1:{self._system.ports['notifications']}"

    def metric(self, line: str) -> float:
        """The value of one line of its metrics."""
        text = self._system.client.get(f"{self.url}/metrics").text
        return next((float(it.rpartition(" ")[2]) for it in text.splitlines() if it.startswith(line)), 0.0)

    def notes(self) -> dict[str, str]:
        """What it has written, by order."""
        return {str(it["order_id"]): it["text"] for it in read(self._system, "notifications", "SELECT * FROM notes")}

    def told(self) -> list[str]:
        """The orders whose notes it has told of."""
        with Redis.from_url(self._system.redis_url) as redis:
            return [json.loads(it)["subject"] for it in payloads(redis, stream_key("notifications.outcomes"))]


@pytest.fixture
def system(start_system: StartSystem) -> System:
    (port,) = free_ports(1)
    system = start_system(
        ONHAND_SERVICES="notifications", NOTIFICATIONS_PORT=str(port), PYTHONPATH=str(EXAMPLE), CLAIM_IDLE_SECONDS="5"
    )
    system.ports["notifications"] = port
    return system


@pytest.fixture
def notifications(system: System) -> Notifications:
    it = Notifications(system)
    it.start()
    return it


def poison(system: System) -> Envelope:
    """Tell of an order in a way that no contract allows."""
    message = wrap(OrderConfirmed(order_id=uuid4()), source="/orders")
    return tell(system, replace(message, data=Raw(b'{"orderId": 7}')))


def tell(system: System, envelope: Envelope) -> Envelope:
    """Put something on the stream that the example reads."""
    with Redis.from_url(system.redis_url) as redis:
        redis.xadd(stream_key(OrderConfirmed.TOPIC), {"event": encode(envelope)})
    return envelope


def dlq(system: System, *arguments: str) -> Any:  # noqa: ANN401  # JSON
    done = system.run("onhand.cli", "dlq", *arguments, "--json")
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_a_service_of_thirty_lines_is_killed_and_poisoned_and_misses_nothing(
    system: System, notifications: Notifications
) -> None:
    with traffic(system) as shop:
        shop.go_on(40)
        notifications.process.kill()
        tell(system, wrap(OrderConfirmed(order_id=UUID(shop.accepted[0])), source="/orders"))  # once more
        shop.go_on(40)
        broken = poison(system)
        notifications.start()
        shop.go_on(40)
    ends = {it: settled(system, it)["status"] for it in shop.accepted}
    assert set(ends.values()) == {"confirmed", "rejected"}
    texts = {it: PACKED if end == "confirmed" else NOT_FILLED for it, end in ends.items()}
    eventually(lambda: notifications.notes() == texts)
    eventually(lambda: set(notifications.told()) == set(texts))
    (letter,) = eventually(lambda: dlq(system, "list", "--service", "notifications")["letters"])
    assert (letter["id"], letter["attempts"], letter["key"]) == ("notifications/1", 5, broken.subject)
    assert "orderId" in letter["error"]
    assert notifications.metric('onhand_dead_letters{service="notifications",state="failed"}') == 1
    assert notifications.metric('onhand_messages_total{service="notifications",type="orders.order-confirmed.v1"}') > 0

    dlq(system, "edit", letter["id"], "--data", json.dumps({"orderId": broken.subject}))
    assert dlq(system, "retry", letter["id"]) == [{"id": letter["id"], "outcome": "handled", "error": ""}]
    assert notifications.notes()[broken.subject] == PACKED
    eventually(lambda: broken.subject in notifications.told())
    assert dlq(system, "list") == {"total": 0, "letters": []}
    assert verify(system)[0] == 0


def test_its_page_shows_it_as_it_is() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "add-a-service.md").read_text()
    assert f"```python\n{(EXAMPLE / 'notifications' / '__main__.py').read_text()}```\n" in page


def test_it_finishes_what_it_has_in_hand_when_it_is_told_to_stop(system: System, notifications: Notifications) -> None:
    set_stock(system, "tea", 1000)
    accepted = [place_order(system, "tea") for _ in range(30)]
    eventually(notifications.notes)
    notifications.process.terminate()
    assert notifications.process.wait(timeout=20) == 0
    written = set(notifications.notes())
    assert set(notifications.told()) == written
    notifications.start()
    eventually(lambda: notifications.notes().keys() == set(accepted))


def test_a_service_that_is_not_named_is_not_run_and_keeps_no_dead_letters(system: System) -> None:
    done = system.run("onhand.cli", "run", "postcards")
    assert (done.returncode, done.stderr) == (
        2,
        "onhand: ONHAND_SERVICES does not name postcards: it should be like ONHAND_SERVICES=postcards\n",
    )
    done = system.run("onhand.cli", "run", "postcards", ONHAND_SERVICES="postcards")
    assert (done.returncode, done.stderr) == (
        1,
        "onhand: the package postcards is not installed: install it, or name its place in PYTHONPATH\n",
    )
    done = system.run("onhand.cli", "dlq", "list", "--service", "postcards")
    assert (done.returncode, done.stderr) == (
        2,
        "onhand: no service 'postcards' keeps dead letters: there are orders, inventory, notifications\n",
    )
