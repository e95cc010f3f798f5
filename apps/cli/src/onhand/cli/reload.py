"""`onhand dev`: restarts the services whose code has changed."""

import asyncio
from pathlib import Path

from watchfiles import PythonFilter, awatch

from onhand.cli.packages import package_directory
from onhand.cli.programs import Say
from onhand.cli.start import Stack
from onhand.common.errors import StartupError


async def restart_what_changes(stack: Stack, say: Say) -> None:
    """Watch the code and the migrations of services; restart those that changed, or all for what they share."""
    common = package_directory("onhand.common")
    own = {package_directory(f"onhand.{service.program.name}"): service for service in stack.services}
    async for changes in awatch(common, *own, watch_filter=PythonFilter(extra_extensions=(".sql",))):
        paths = sorted(Path(path) for _, path in changes)
        if any(path.suffix == ".sql" for path in paths):
            await _migrate(stack, say)
        for source, service in own.items():
            changed = [path.name for path in paths if path.is_relative_to(source) or path.is_relative_to(common)]
            if changed:
                say(f"{', '.join(changed)} changed: restarting {service.program.name}")
                await service.restart()


async def _migrate(stack: Stack, say: Say) -> None:
    try:
        await asyncio.to_thread(stack.migrate)
    except StartupError as error:  # a migration that is being written may well be wrong
        say(str(error))
