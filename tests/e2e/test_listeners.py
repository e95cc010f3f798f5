"""However many listen, and however badly they read, a gateway stays small and orders go on."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.e2e.bulk import batch_order, place_all
from tests.e2e.conftest import StartSystem
from tests.e2e.listening import listening
from tests.e2e.problems import problem
from tests.e2e.scraping import metrics
from tests.e2e.shop import API, new_id, place
from tests.e2e.system import System
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually

MANY = 1000
LONG = {f"label {number}": "x" * 500 for number in range(20)}
"""Labels that make an order's event as long as events get."""
STREAM = {"Accept": "text/event-stream"}


def megabytes(system: System) -> float:
    process = system.process("gateway")
    assert process
    return float(process.memory_info().rss / 1e6)


@contextmanager
def deaf(system: System) -> Iterator[socket.socket]:
    """One who asks for everything and then reads nothing but the beginning."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", system.ports["gateway"]))
        client.sendall(b"GET /api/gateway/events HTTP/1.1\r\nHost: onhand\r\n\r\n")
        assert client.recv(400).startswith(b"HTTP/1.1 200 OK\r\n")
        yield client


async def listen_and_count(
    system: System, customers: list[str], orders_each: int, all_listen: asyncio.Event
) -> Counter[str]:
    """One listener for each name; returns how many events came for each, once there are two for each order."""
    came: Counter[str] = Counter()
    open_ones = 0
    everything_came, few_at_once = asyncio.Event(), asyncio.Semaphore(50)

    async def one(customer: str) -> None:
        nonlocal open_ones
        async with few_at_once:
            reader, writer = await asyncio.open_connection("127.0.0.1", system.ports["gateway"])
            writer.write(f"GET {API}/events?customerId={customer} HTTP/1.1\r\nHost: onhand\r\n\r\n".encode())
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            await reader.readuntil(b"id: ")
        open_ones += 1
        if open_ones == len(customers):
            all_listen.set()
        for _ in range(2 * orders_each):
            await reader.readuntil(b"data: ")
            data = json.loads(await reader.readuntil(b"\n"))
            assert data["customerId"] == customer
            came[customer] += 1
        if sum(came.values()) == 2 * orders_each * len(customers):
            everything_came.set()
        await everything_came.wait()
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as tasks:
        for customer in customers:
            tasks.create_task(one(customer))
    return came


def test_a_thousand_listen_to_one_gateway_and_one_more_is_refused(start_system: StartSystem) -> None:
    system = start_system(MAX_LISTENERS=str(MANY), MAX_IN_FLIGHT="200")
    set_stock(system, "tea", 100_000)
    customers = [new_id("customer") for _ in range(MANY // 10)] * 10
    before = megabytes(system)

    async def listen() -> Counter[str]:
        all_listen = asyncio.Event()
        counting = asyncio.create_task(listen_and_count(system, customers, 3, all_listen))
        await all_listen.wait()
        await asyncio.to_thread(while_all_listen)
        return await counting

    def while_all_listen() -> None:
        answer = system.client.get(f"{API}/events", headers=STREAM)
        assert problem(answer, 503)["detail"].startswith(f"{MANY} streams of events are open already.")
        assert answer.headers["retry-after"] == "1"
        assert metrics(system, "gateway").sum("onhand_listeners") == MANY
        for _ in range(3):
            for customer in dict.fromkeys(customers):
                place(system, {"tea": 1}, customerId=customer)

    came = asyncio.run(listen())

    assert set(came.values()) == {60}  # ten listeners, three orders, two events
    assert megabytes(system) - before < 60
    eventually(lambda: metrics(system, "gateway").sum("onhand_listeners") == 0)


def test_who_does_not_read_is_dropped_and_nobody_waits_for_him(start_system: StartSystem) -> None:
    system = start_system()
    set_stock(system, "tea", 100_000)
    before = megabytes(system)
    with ExitStack() as stack, listening([system.url("gateway")]) as good:
        idle = [stack.enter_context(deaf(system)) for _ in range(10)]
        placed = 0

        def all_are_dropped() -> bool:
            nonlocal placed
            results = place_all(system, [batch_order("tea", metadata=LONG) for _ in range(20)])
            assert {it["status"] for it in results} == {201}
            placed += len(results)
            return metrics(system, "gateway").sum("onhand_listeners_dropped_total") == len(idle)

        eventually(all_are_dropped, seconds=90)
        eventually(lambda: len(good.events) == 2 * placed)
        assert megabytes(system) - before < 60
        for client in idle:
            client.settimeout(10)
            assert is_cut_off(client)
    assert len({*good.steps}) == len(good.steps)
    assert metrics(system, "gateway").sum("onhand_listeners_dropped_total") == len(idle)


def is_cut_off(client: socket.socket) -> bool:
    """Whether a stream ends without its last chunk."""
    rest = b""
    try:
        while some := client.recv(1 << 20):
            rest = (rest + some)[-5:]
    except ConnectionResetError:
        pass
    return rest != b"0\r\n\r\n"


def test_a_stream_on_which_nothing_happens_says_that_it_is_there_and_how_far_it_is(start_system: StartSystem) -> None:
    system = start_system(HEARTBEAT_SECONDS="1")
    customer = new_id("customer")
    with listening([system.url("gateway")], customerId=customer) as client:
        position = client.position
        set_stock(system, "tea", 5)
        place(system, {"tea": 1})
    with system.client.stream(
        "GET", f"{API}/events", params={"customerId": customer}, headers=STREAM, timeout=20
    ) as answer:
        lines = answer.iter_lines()
        assert [next(lines), *(next(lines)[:3] for _ in range(2))] == ["retry: 1000", "id:", ""]
        assert next(lines) == ": still here"
        later = next(lines).removeprefix("id: ")
    assert position
    assert int(later.split("-")[0]) > int(position.split("-")[0])
