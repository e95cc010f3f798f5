"""`onhand reset`: deletes what the embedded servers and `onhand` itself keep."""

from collections.abc import Callable
from contextlib import ExitStack

from onhand.cli.home import empty_home, is_ours, make_home
from onhand.cli.programs import Say
from onhand.cli.run_state import Claim
from onhand.cli.system import COMPONENTS, Service, System
from onhand.common.errors import OnhandError


class NotReset(OnhandError):
    """Nothing was deleted."""


def reset(system: System, confirm: Callable[[str], bool], say: Say) -> None:
    """Delete all embedded data, if nothing uses it and the person confirms it.

    Raises:
        NotReset: something runs, or the directory is not ours, or the person thought again.
    """
    for setting in system.configured_urls(list(Service)):
        say(f"{setting} is set: what is there is not touched")
    if not system.home.exists():
        say(f"there is nothing at {system.home}")
        return
    if not is_ours(system.home):
        raise NotReset(f"{system.home} was not made by onhand: delete it yourself, if that is what you want")
    with ExitStack() as stack:
        _claim_everything(stack, system, say)
        if not confirm(f"Delete all orders and stock in {system.home}?"):
            raise NotReset("nothing was deleted")
        system.embedded.delete_sockets()
        empty_home(system.home)
    say(f"deleted the data in {system.home}")


def _claim_everything(stack: ExitStack, system: System, say: Say) -> None:
    run = make_home(system.home) / "run"
    everything = list(Service)
    programs = {program.name: program for program in (*map(system.service, everything), *system.servers(everything))}
    for component in COMPONENTS:
        claim = stack.enter_context(Claim(run, component))
        if not claim.take():
            raise NotReset(f"{component} is running{claim.by_whom()}; `onhand stop` ends it")
        if component in programs:
            claim.end_left_behind(programs[component], say)
