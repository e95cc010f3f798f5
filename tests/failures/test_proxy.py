"""The proxy in front of real servers: it does exactly the harm it is told to, and otherwise none."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import asyncpg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from conftest import Servers
from tests.e2e.waiting import eventually
from tests.failures.proxy import Faults, Proxy, running_proxy

APPEND = "redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])"


@pytest.fixture
def redis_proxy(redis_url: str) -> Iterator[Proxy]:
    with running_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def through(redis_proxy: Proxy) -> Iterator[Redis]:
    """A client that comes through the proxy, waits for half a second and never tries again."""
    with Redis.from_url(redis_proxy.url, protocol=2, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)) as client:
        yield client


@pytest.fixture
def direct(redis_url: str) -> Iterator[Redis]:
    """A client that sees what is really there."""
    with Redis.from_url(redis_url) as client:
        yield client


def test_with_no_faults_every_byte_arrives(through: Redis) -> None:
    value = bytes(range(256)) * 40_000  # 10 MB
    through.set("bytes", value)
    assert through.get("bytes") == value
    with through.pipeline(transaction=False) as pipeline:
        for number in range(1_000):
            pipeline.echo(f"{number}\r\n")
        assert pipeline.execute() == [f"{number}\r\n".encode() for number in range(1_000)]


def xadd(client: Redis) -> None:
    client.xadd("stream", {"event": "x"})


def evaluate(client: Redis) -> None:
    client.eval(APPEND, 1, "stream", "x")


@pytest.mark.parametrize(("name", "append"), [("XADD", xadd), ("EVAL", evaluate)])
@pytest.mark.parametrize(("silence", "error"), [(0.0, RedisConnectionError), (1.0, RedisTimeoutError)])
def test_a_command_whose_reply_is_lost_is_carried_out_and_the_others_are_answered(
    redis_proxy: Proxy,
    through: Redis,
    direct: Redis,
    name: str,
    append: Callable[[Redis], None],
    silence: float,
    error: type[Exception],
) -> None:
    redis_proxy.use(Faults(lose={name: 1.0}, silence=silence))
    with pytest.raises(error):
        append(through)
    assert direct.xlen("stream") == 1
    assert through.ping()
    assert redis_proxy.done == {f"lost {name}": 1} | ({f"silent {name}": 1} if silence else {})
    redis_proxy.heal()
    append(through)
    assert direct.xlen("stream") == 2


def test_what_was_read_by_a_group_and_never_arrived_is_pending(
    redis_proxy: Proxy, through: Redis, direct: Redis
) -> None:
    direct.xgroup_create("stream", "group", id="0", mkstream=True)
    xadd(direct)
    redis_proxy.use(Faults(lose={"XREADGROUP": 1.0}))
    with pytest.raises(RedisConnectionError):
        through.xreadgroup("group", "reader", {"stream": ">"})
    assert direct.xpending("stream", "group")["pending"] == 1


def test_replies_in_front_of_the_lost_one_arrive_and_those_behind_it_do_not(redis_proxy: Proxy, direct: Redis) -> None:
    redis_proxy.use(Faults(lose={"XADD": 1.0}))
    host, port = redis_proxy.url.removeprefix("redis://").split(":")
    with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as replies:
        words = (b"ECHO", b"before"), (b"XADD", b"stream", b"*", b"event", b"x"), (b"ECHO", b"behind")
        for command in words:
            connection.sendall(
                b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in command)
            )
        assert replies.read() == b"$6\r\nbefore\r\n"
    assert direct.xlen("stream") == 1


def test_a_silent_connection_is_cut_when_the_proxy_heals(redis_proxy: Proxy) -> None:
    redis_proxy.use(Faults(lose={"PING": 1.0}, silence=1.0))
    host, port = redis_proxy.url.removeprefix("redis://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"*1\r\n$4\r\nPING\r\n")
        eventually(lambda: redis_proxy.done["silent PING"])
        redis_proxy.heal()
        assert connection.recv(1) == b""


def test_half_a_message_arrives_before_the_connection_is_cut(redis_proxy: Proxy, direct: Redis) -> None:
    redis_proxy.use(Faults(tear=0.5))
    host, port = redis_proxy.url.removeprefix("redis://").split(":")
    answers = set()
    for _ in range(100):
        with (
            socket.create_connection((host, int(port)), timeout=10) as connection,
            connection.makefile("rb") as replies,
        ):
            connection.sendall(b"*2\r\n$4\r\nINCR\r\n$5\r\ncount\r\n")
            connection.shutdown(socket.SHUT_WR)
            answers.add(replies.read()[:2])
    torn = redis_proxy.done["torn request"]
    assert 30 < torn < 70
    assert answers >= {b"", b":"}
    assert direct.get("count") == b"%d" % (100 - torn), "what came half is not carried out"


def test_everything_is_late(redis_proxy: Proxy, through: Redis) -> None:
    through.ping()
    redis_proxy.use(Faults(latency_seconds=0.05))
    began = time.monotonic()
    through.ping()
    assert time.monotonic() - began >= 0.1


def test_the_same_seed_chooses_the_same_victims(redis_url: str) -> None:
    def victims(seed: int) -> list[bool]:
        with running_proxy(redis_url) as proxy:
            proxy.use(Faults(lose={"PING": 0.5}, seed=seed))
            return [is_lost(proxy) for _ in range(20)]

    def is_lost(proxy: Proxy) -> bool:
        with Redis.from_url(proxy.url, protocol=2, retry=Retry(NoBackoff(), 0)) as client:
            try:
                return not client.ping()
            except RedisConnectionError:
                return True

    assert victims(1) == victims(1) != victims(2)
    assert set(victims(1)) == {True, False}


@pytest.fixture
async def table(servers: Servers) -> str:
    """URL of a database that has a table of numbers, which is empty."""
    url = servers.embedded.postgres_url("postgres")
    connection = await asyncpg.connect(url)
    await connection.execute("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers (number integer)")
    await connection.close()
    return url


async def insert(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=0.5)
    try:
        async with connection.transaction():
            await connection.execute("INSERT INTO numbers SELECT unnest($1::integer[])", list(range(10_000)))
    finally:
        connection.terminate()


async def numbers(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval("SELECT count(*) FROM numbers")
    await connection.close()
    return count


@pytest.mark.parametrize(("silence", "error"), [(0.0, asyncpg.ConnectionDoesNotExistError), (1.0, TimeoutError)])
async def test_a_commit_whose_reply_is_lost_is_carried_out(table: str, silence: float, error: type[Exception]) -> None:
    with running_proxy(table) as proxy:
        proxy.use(Faults(lose={"COMMIT": 1.0}, silence=silence))
        with pytest.raises(error):
            await insert(proxy.url)
        assert proxy.done["lost COMMIT"] == 1
        assert await numbers(proxy.url) == 10_000
        proxy.heal()
        await insert(proxy.url)
        assert await numbers(proxy.url) == 20_000


async def test_who_asks_for_tls_is_told_that_there_is_none_and_goes_on(table: str) -> None:
    with running_proxy(table) as proxy:
        await insert(proxy.url.replace("sslmode=disable", "sslmode=prefer"))
    assert await numbers(table) == 10_000


async def test_a_transaction_that_is_torn_is_carried_out_whole_or_not_at_all(table: str) -> None:
    with running_proxy(table) as proxy:
        proxy.use(Faults(tear=0.01))
        attempts = await asyncio.gather(*(insert(proxy.url) for _ in range(40)), return_exceptions=True)
        assert proxy.done["torn request"]
        assert proxy.done["torn reply"]
    done = await numbers(table)
    assert done % 10_000 == 0
    assert done >= 10_000 * attempts.count(None) > 0
