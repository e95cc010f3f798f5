"""What happens while Redis is stopped, on a Redis of the test's own."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from onhand.cli.home import make_home
from onhand.cli.local import EmbeddedServers
from onhand.cli.programs import running
from onhand.common.database import Database
from onhand.common.errors import NoReply, StartupError, Unavailable
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.presence import announce
from onhand.common.messaging.streams import Streams, open_streams
from onhand.common.messaging.writer import Writer
from onhand.common.testing import eventually
from toy import Count, asking, consuming, create_table, send, things


class OwnRedis:
    """A Redis to start and stop."""

    def __init__(self, home: Path) -> None:
        self._log = make_home(home) / "logs" / "redis.log"
        servers = EmbeddedServers(home)
        self.url = servers.redis_url
        self._program = servers.redis()
        self._running = ExitStack()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with the data it had."""
        self.process = self._running.enter_context(running(self._program, self._log, lambda _: None))

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it for the length of the block."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    server.start()
    yield server
    server.stop()


async def test_a_service_does_not_start_without_redis(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"Redis is away.*mend REDIS_URL"):
        async with open_streams(f"unix://{tmp_path}/nowhere.sock"):
            pass


async def test_a_url_that_no_client_can_read_is_told_without_repeating_it() -> None:
    with pytest.raises(StartupError, match="REDIS_URL is no URL of a Redis") as raised:
        async with open_streams("redis://:secret@127.0.0.1:1?db=abc"):
            pass
    assert "secret" not in str(raised.value)


async def test_a_consumer_and_an_asker_carry_on_when_redis_comes_back(
    orders_database: Database, own_redis: OwnRedis
) -> None:
    await create_table(orders_database)
    async with (
        open_streams(own_redis.url) as streams,
        consuming(orders_database, streams),
        asking(streams, timeout_seconds=0.5) as requests,
    ):
        await requests.ask(Count(thing="before"))
        own_redis.stop()

        async def refused() -> bool:
            try:
                await requests.ask(Count(thing="meanwhile"))
            except Unavailable:
                return True
            except NoReply:
                return False
            return False

        assert await eventually(refused)
        own_redis.start()

        async def answered() -> bool:
            try:
                await announce("toy", streams)
                await requests.ask(Count(thing="after"))
            except (Unavailable, NoReply):
                return False
            return True

        assert await eventually(answered)
    assert await things(orders_database) >= {"before", "after"}


async def test_a_request_whose_append_was_not_answered_may_still_be_carried_out(
    orders_database: Database, own_redis: OwnRedis
) -> None:
    await create_table(orders_database)
    assert own_redis.process is not None
    async with open_streams(own_redis.url) as streams, asking(streams, timeout_seconds=0.2) as requests:
        own_redis.process.send_signal(signal.SIGSTOP)
        with pytest.raises(NoReply):
            await requests.ask(Count(thing="unknown"))
        own_redis.process.send_signal(signal.SIGCONT)
        async with consuming(orders_database, streams):

            async def carried_out() -> bool:
                return await things(orders_database) == {"unknown"}

            assert await eventually(carried_out)


async def test_an_asker_that_was_sending_when_redis_froze_carries_on(
    orders_database: Database, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_table(orders_database)
    monkeypatch.setattr("onhand.common.messaging.streams._SILENCE_SECONDS", 0.2)
    async with (
        open_streams(own_redis.url) as others,
        consuming(orders_database, others),
        open_streams(own_redis.url) as streams,
    ):
        subscriptions = 0
        listen = streams.listen

        def counted(channels: Sequence[str]) -> AsyncGenerator[tuple[str, bytes]]:
            nonlocal subscriptions
            subscriptions += 1
            return listen(channels)

        monkeypatch.setattr(streams, "listen", counted)
        async with asking(streams, timeout_seconds=0.2) as requests:
            await requests.ask(Count(thing="before"))  # so that there is a connection to send on
            with own_redis.frozen():
                with pytest.raises(NoReply):
                    await requests.ask(Count(thing="meanwhile"))
                await eventually(lambda: _becomes(subscriptions == 2))
                await asyncio.sleep(0.1)  # it subscribes, while the append waits still

            async def answered() -> bool:
                try:
                    await requests.ask(Count(thing="afterwards"))
                except (NoReply, Unavailable):
                    return False
                return True

            await eventually(answered)


async def _becomes(answer: bool) -> bool:
    return answer


async def test_an_append_on_a_connection_that_breaks_is_of_unknown_outcome(own_redis: OwnRedis) -> None:
    assert own_redis.process is not None
    streams = Streams(own_redis.url)
    await streams.ping()
    own_redis.process.send_signal(signal.SIGSTOP)
    append = asyncio.create_task(send(streams, "a"))
    await asyncio.sleep(0)  # let it be written to the socket before the server dies

    async def is_sent() -> bool:
        await asyncio.sleep(0.05)
        return True

    await eventually(is_sent)
    own_redis.process.kill()
    with pytest.raises(NoReply):
        await append
    with pytest.raises(Unavailable):
        await send(streams, "b")
    await streams.close()


def end_connections(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)


async def test_a_connection_that_died_while_nobody_used_it_is_replaced_before_anything_is_sent(
    streams: Streams, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.messaging.writer._IDLE_SECONDS", 0.0)
    writer = Writer(streams, 0)
    message = Outgoing(Count.TOPIC, "a", b"{}")
    await writer.append([message])
    await asyncio.to_thread(end_connections, redis_url)  # in a thread, for our side to take notice meanwhile
    await writer.append([message])
    await writer.close()
