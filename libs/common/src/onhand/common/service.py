"""The life of a service process: start, serve, drain on SIGTERM, end."""

import asyncio
import gc
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import structlog
import uvicorn
import uvloop

from onhand.common.errors import OnhandError, StartupError
from onhand.common.failpoints import arm
from onhand.common.http_protocol import HttpProtocol
from onhand.common.settings import Settings, SettingsT, load
from onhand.common.telemetry import configure_logs

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
"""An application as ASGI has them: Falcon's, or one around it."""

Worker = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Works until the event is set, then finishes what it has in hand and returns."""

_MANY_FILES = 65_536
_ACCEPTS_A_TURN = 32
"""How often the listening socket is watched. The event loop accepts one connection of each in a turn (libuv since
1.45), and under an overload a turn takes 30 ms: new clients would wait for seconds where they are to be refused at
once."""
_log = structlog.get_logger()


def run(
    main: Callable[[SettingsT], Coroutine[Any, Any, None]],
    kind: type[SettingsT] = Settings,  # type: ignore[assignment]  # mypy has no such default
) -> None:
    """Run a service to its end; the whole of its `__main__`.

    Args:
        main: serves until it is told to stop.
        kind: the settings that it takes.

    An expected failure is told in one line on standard error and ends the process with the error's exit code.
    """
    try:
        settings = load(kind)
        configure_logs(settings)
        _allow_many_files()
        _collect_garbage_rarely()
        uvloop.run(main(settings))
    except OnhandError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except asyncio.CancelledError:
        _log.warning("drain limit reached: what was not finished will be taken up again")
        sys.exit(1)


def _allow_many_files() -> None:
    """Allow as many open files as we may: often it is 1024 unless one asks, and each client's connection is one."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if most == resource.RLIM_INFINITY else min(most, _MANY_FILES)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _collect_garbage_rarely() -> None:
    """Messages are acyclic and die young; a full collection would look at thousands of them in flight for nothing."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def serve(
    name: str,
    settings: Settings,
    port: int,
    app: AsgiApp,
    workers: Sequence[Worker],
    protocol: Callable[..., HttpProtocol] = HttpProtocol,
    let_go: Callable[[], None] | None = None,
) -> None:
    """Serve HTTP and run workers until SIGTERM or SIGINT; then drain: HTTP first, then the workers.

    Args:
        name: of the service.
        settings: of this process.
        port: where HTTP is served.
        app: answers requests.
        workers: run besides.
        protocol: speaks HTTP; one of ours may answer some requests in place of the app.
        let_go: ends, when draining begins, the answers that would go on for as long as their clients wish.

    Raises:
        StartupError: the port is in use.
        CancelledError: draining took longer than `drain_seconds`.
        ExceptionGroup: a worker failed; the process should end and be started again.
    """
    arm(name, settings.onhand_failpoints, settings.onhand_home)
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    stopping = asyncio.Event()
    server = _server(app, settings, protocol)

    def stop() -> None:
        server.should_exit = True
        if let_go is not None:
            let_go()
        if main is not None:
            loop.call_later(settings.drain_seconds, main.cancel)

    with _listener(name, settings.host, port) as listener, ExitStack() as copies:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        async with asyncio.TaskGroup() as tasks:
            for worker in workers:
                tasks.create_task(_work(worker, stopping))
            _log.info("listening", url=f"http://{settings.host}:{port}")
            again = [copies.enter_context(listener.dup()) for _ in range(_ACCEPTS_A_TURN - 1)]
            await server.serve(sockets=[listener, *again])
            _log.info("draining")
            stopping.set()
    _log.info("stopped", service=name)


async def _work(worker: Worker, stopping: asyncio.Event) -> None:
    """Run a worker; if it fails, tell the others to stop.

    The task group cancels them too, but a cancellation can be swallowed (`asyncio.wait_for` before Python 3.12), and a
    process that is half alive says that it is ready and is not started again.
    """
    try:
        await worker(stopping)
    except Exception:
        stopping.set()
        raise


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`, which has more than HTTP to drain."""
        yield


def _server(app: AsgiApp, settings: Settings, protocol: Callable[..., HttpProtocol]) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=protocol,  # type: ignore[arg-type]  # it is called
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.drain_seconds / 2)),  # the rest is for the workers
        )
    )


def _listener(name: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # what follows repeats the address
        raise StartupError(
            f"cannot listen on {host}:{port}: {reason}. Stop what uses it, or set {name.upper()}_PORT or HOST"
        ) from error
