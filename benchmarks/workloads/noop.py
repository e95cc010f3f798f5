"""Answers every order at once and does nothing, on the server that the gateway runs on: `python -m ...noop`."""

import asyncio
from functools import partial

import falcon.asgi

from benchmarks.requests import PATH
from onhand.common.health import HttpApp
from onhand.common.plain_requests import PlainRequest
from onhand.common.service import run, serve
from onhand.common.settings import Settings
from onhand.common.shortcuts import Answer, Shortcut, ShortcutProtocol, Whole

_CREATED = Whole(
    201,
    b"content-type: application/json\r\n",
    b'{"orderId":"01a20d68-f670-7000-8000-000000000000","productId":"123","quantity":5,"status":"pending"}',
)


def _take(_: PlainRequest, answer: Answer) -> asyncio.Future[None]:
    answer(_CREATED)
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


async def main(settings: Settings) -> None:
    """Serve on the gateway's port until told to stop, with the gateway's protocol, which lets everything in."""
    protocol = partial(ShortcutProtocol, Shortcut(b"POST", PATH.encode(), _take), lambda *_: None)
    nothing_else: HttpApp = falcon.asgi.App()  # what is no order is not found
    await serve("noop", settings, settings.gateway_port, nothing_else, [], protocol)


if __name__ == "__main__":
    run(main)
