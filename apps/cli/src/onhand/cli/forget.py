"""`onhand forget`: deletes the consumer groups of a service that is not run any more."""

import asyncio
from collections.abc import Callable

from onhand.cli.checks import check_running, check_servers, told_when_away
from onhand.cli.programs import Say
from onhand.cli.system import System
from onhand.common.errors import OnhandError
from onhand.common.messaging.streams import OUR_SERVICES, open_streams


class NotForgotten(OnhandError):
    """No group was deleted."""


def forget(system: System, service: str, confirm: Callable[[str], bool], say: Say) -> None:
    """Delete a service's group on every stream, with what it has not read, if the person confirms it.

    Raises:
        NotForgotten: the others need the service, or there is no such group, or the person thought again.
        StartupError: Redis does not run.
        Unavailable: it went away meanwhile.
    """
    if service in OUR_SERVICES:
        raise NotForgotten(f"{service} is needed: what it has not read would be lost")
    check_servers(system.configured_urls([]))
    check_running(system.servers([]), system.home)
    if not confirm(f"Delete the consumer groups of {service}, with what it has not read?"):
        raise NotForgotten("nothing was deleted")
    keys = asyncio.run(_delete(system, service))
    if not keys:
        raise NotForgotten(f"no stream has a group {service}")
    for key in keys:
        say(f"deleted group {service} of {key}")


async def _delete(system: System, service: str) -> list[str]:
    async with open_streams(system.redis_url, system.partitions) as streams:
        with told_when_away("not every group was deleted"):
            return await streams.delete_group(service)
