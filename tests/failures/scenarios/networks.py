"""Networks that carry a command and not its reply, or only half of either."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from onhand.cli.local import EmbeddedServers, embedded_servers
from tests.e2e.system import System
from tests.failures.proxy import Faults, Proxy, running_proxy
from tests.failures.scenario import Run, Scenario

_APPENDING = ("XADD", "EVAL", "EVALSHA")
_LOSSES = (*_APPENDING, "XREADGROUP", "COMMIT")
_LONGEST_SECONDS = 8.0
"""Longer than anybody waits for Redis to answer."""


class SystemBehindProxies(System):
    """A system whose services reach their servers through proxies; whoever tests it reaches them directly.

    Attributes:
        proxies: by the setting that leads to them.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str], servers: EmbeddedServers, proxies: Mapping[str, Proxy]
    ) -> None:
        super().__init__(directory, {**settings, **{name: proxy.url for name, proxy in proxies.items()}})
        self.proxies = proxies
        self._servers = servers

    @property
    def redis_url(self) -> str:
        """Where the messages are."""
        return self._servers.redis_url

    def database_url(self, service: str) -> str:
        """Where a service keeps its data."""
        return self._servers.postgres_url(service)

    @property
    def done(self) -> Counter[str]:
        """What all proxies did so far."""
        return sum((proxy.done for proxy in self.proxies.values()), Counter())


@contextmanager
def system_behind_proxies(**settings: str) -> Iterator[SystemBehindProxies]:
    """Make a system, not yet started, in front of running servers, and clean up after it."""
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name, ExitStack() as stack:
        servers = stack.enter_context(embedded_servers(Path(name) / "servers"))
        urls = {
            "REDIS_URL": servers.redis_url,
            "ORDERS_DATABASE_URL": servers.postgres_url("orders"),
            "INVENTORY_DATABASE_URL": servers.postgres_url("inventory"),
        }
        proxies = {setting: stack.enter_context(running_proxy(url)) for setting, url in urls.items()}
        directory = Path(name) / "system"
        directory.mkdir()
        system = SystemBehindProxies(directory, settings, servers, proxies)
        stack.callback(system.close)
        yield system


def lose_replies(run: Run) -> None:
    """Lose replies to appends, reads and commits, cut messages in half, be late; by turns with fair weather."""
    assert isinstance(run.system, SystemBehindProxies)
    for _ in run.rounds():
        _let_it_storm(run, run.system)
    while not _has_lost_all(run.system.done):
        _let_it_storm(run, run.system)


def _let_it_storm(run: Run, system: SystemBehindProxies) -> None:
    for proxy in system.proxies.values():
        proxy.use(_bad_weather(run))
    try:
        time.sleep(run.random.uniform(0.3, min(_LONGEST_SECONDS, run.seconds / 4)))
    finally:
        for proxy in system.proxies.values():
            proxy.heal()
    run.load.go_on()
    _count(run, system.done)


def _bad_weather(run: Run) -> Faults:
    return Faults(
        lose=dict.fromkeys(_LOSSES, run.random.uniform(0.05, 0.2)),
        silence=0.3,
        tear=run.random.choice([0, 0.01]),
        latency_seconds=run.random.choice([0, 0.01]),
        seed=run.random.getrandbits(32),
    )


def _has_lost_all(done: Counter[str]) -> bool:
    return bool(done["lost COMMIT"] and done["lost XREADGROUP"] and any(done[f"lost {name}"] for name in _APPENDING))


def _count(run: Run, done: Counter[str]) -> None:
    run.figures["appends unanswered"] = sum(done[f"lost {name}"] for name in _APPENDING)
    run.figures["reads unanswered"] = done["lost XREADGROUP"]
    run.figures["commits unanswered"] = done["lost COMMIT"]
    run.figures["silences"] = sum(count for what, count in done.items() if what.startswith("silent"))
    run.figures["torn messages"] = done["torn request"] + done["torn reply"]


LOST_REPLIES = Scenario(number=7, name="lost-replies", break_things=lose_replies, make_system=system_behind_proxies)
