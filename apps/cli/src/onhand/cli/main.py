"""The `onhand` command: starts the system on one machine, supervises it, and speaks to it."""

import asyncio
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from onhand.cli.api import NO_ANSWER
from onhand.cli.background import log_file, start_in_background, tell_ready
from onhand.cli.client.catalogue import locations, products
from onhand.cli.client.holds import holds
from onhand.cli.client.orders import orders
from onhand.cli.client.stock import stock
from onhand.cli.commands import AsJson, Commands, examples, exit_codes
from onhand.cli.demo.command import demo
from onhand.cli.dlq.commands import dlq
from onhand.cli.forget import forget as forget_groups
from onhand.cli.log import Log
from onhand.cli.migrate import migrate_all
from onhand.cli.output import ready_text, show_components, show_json, show_verdict
from onhand.cli.reload import restart_what_changes
from onhand.cli.reset import reset as reset_home
from onhand.cli.run import run_service
from onhand.cli.start import Stack
from onhand.cli.start import start as start_services
from onhand.cli.status import status as look_at
from onhand.cli.stop import stop as stop_all
from onhand.cli.system import COMPONENTS, Service, System
from onhand.cli.verification.verdict import Options
from onhand.cli.verify import VIOLATED, verify_system
from onhand.common.settings import load_settings

app = Commands(
    name="onhand",
    epilog=examples(
        "onhand start",
        "onhand demo",
        "onhand stock set 123 10",
        "onhand orders create --product 123 --quantity 5 --customer cust-456",
    )
    + exit_codes(
        ("0", "done"),
        ("1", "refused, or failed"),
        ("2", "wrong usage"),
        ("3, 4", "as the help of a command says"),
        (str(NO_ANSWER), "the gateway cannot be reached, or has no answer in time"),
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(orders, name="orders")
app.add_typer(stock, name="stock")
app.add_typer(holds, name="holds")
app.add_typer(products, name="products")
app.add_typer(locations, name="locations")
app.add_typer(dlq, name="dlq")
app.command(epilog=examples("onhand demo", "onhand demo --seconds 300 --rate 50 --seed 7", "onhand demo --json"))(demo)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"onhand {version('onhand-cli')}")
        raise typer.Exit


@app.callback()
def onhand(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run the order and inventory backend on this machine, and speak to it."""


Services = Annotated[
    list[Service] | None,
    typer.Argument(metavar="SERVICE...", help="gateway, orders, inventory.", show_default="all"),
]


@app.command(epilog=examples("onhand start", "onhand start orders", "onhand start --detach"))
def start(
    services: Services = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background, once ready.")] = False,
) -> None:
    """Run the services, and the servers they need, until Ctrl-C.

    A server whose URL is not set (REDIS_URL, ORDERS_DATABASE_URL,
    INVENTORY_DATABASE_URL) is brought along, with its data under
    ONHAND_HOME. What dies is started again.
    """
    if detach:
        _start_in_background(_chosen(services))
    else:
        _run(_chosen(services), reload=False)


@app.command(epilog=examples("onhand dev", "onhand dev orders"))
def dev(services: Services = None) -> None:
    """Do what `start` does, and restart a service when its code changes."""
    _run(_chosen(services), reload=True)


@app.command(epilog=examples("onhand stop"))
def stop() -> None:
    """Stop everything that runs on ONHAND_HOME, here or in another terminal."""
    stop_all(System(load_settings()).home, typer.echo)


@app.command(epilog=examples("onhand status", "onhand status --json"))
def status(as_json: AsJson = False) -> None:
    """Show what runs. The exit code is 0 if everything is ready and 3 if not."""
    components = look_at(System(load_settings()))
    if as_json:
        show_json(components)
    else:
        show_components(components)
    raise typer.Exit(0 if all(component.state == "ready" for component in components) else 3)


@app.command(epilog=examples("onhand reset", "onhand reset --yes"))
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete the orders and the stock that the embedded servers keep in ONHAND_HOME."""
    reset_home(System(load_settings()), lambda question: yes or typer.confirm(question), typer.echo)


@app.command(epilog=examples("onhand migrate", "onhand migrate --json"))
def migrate(as_json: AsJson = False) -> None:
    """Bring the databases up to date. `start` does it too; a deployment does it on its own before."""
    applied = migrate_all(System(load_settings()), lambda line: typer.echo(line, err=as_json))
    if as_json:
        show_json(applied)
    elif not any(applied.values()):
        typer.echo("nothing to apply: every database is up to date")


@app.command(epilog=examples("ONHAND_SERVICES=notifications onhand run notifications"))
def run(service: Annotated[str, typer.Argument(metavar="SERVICE", help="One that ONHAND_SERVICES names.")]) -> None:
    """Run a service of your own beside the others, with its database, until Ctrl-C."""
    run_service(System(load_settings()), service, lambda line: typer.echo(line, err=True))


@app.command(epilog=examples("onhand forget notifications", "onhand forget notifications --yes"))
def forget(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="One that is not run any more.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete the consumer groups of a service of your own that is not run any more.

    What it has not read is kept in Redis for as long as it has them.
    If it runs again after all, it begins with what is there then.
    """
    system = System(load_settings())
    forget_groups(system, service, lambda question: yes or typer.confirm(question), typer.echo)


@app.command(epilog=examples("onhand verify", "onhand verify --within 30 --json", "onhand verify --replay 1000"))
def verify(
    within: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long what is on its way may take to arrive.")
    ] = 10.0,
    replay: Annotated[
        int, typer.Option(min=0, max=100_000, metavar="N", help="Also send the messages of the latest N orders again.")
    ] = 0,
    allow_dead_letters: Annotated[
        bool, typer.Option("--allow-dead-letters", help="Only note those that have an explanation.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that nothing was lost, done twice or sold twice, while the system runs.

    Reads both databases and the streams, and says which order or
    product is wrong. Nothing is written, unless --replay is given.
    The exit code is 0 if every invariant holds, 4 if one is violated,
    and 1 if that cannot be told.
    """
    verdict = verify_system(System(load_settings()), Options(within, replay, allow_dead_letters))
    if as_json:
        show_json(verdict)
    else:
        show_verdict(verdict)
    raise typer.Exit(0 if verdict.holds else VIOLATED)


def _chosen(services: list[Service] | None) -> list[Service]:
    return [service for service in Service if not services or service in services]


def _run(services: list[Service], *, reload: bool) -> None:
    system = System(load_settings())
    log = Log(sys.stdout.buffer, ("onhand", *COMPONENTS))

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    async def once_ready(stack: Stack) -> None:
        rest = asyncio.create_task(restart_what_changes(stack, log.say) if reload else wait_for_ever())
        await asyncio.sleep(0)  # lets it watch before a person is told to go on
        log.plain(ready_text(system, services))
        tell_ready()
        await rest

    start_services(system, services, log, once_ready)


def _start_in_background(services: list[Service]) -> None:
    system = System(load_settings())
    pid = start_in_background(system.home, ["start", *services])
    typer.echo(ready_text(system, services))
    typer.echo(f"onhand runs in the background (pid {pid}), its log is {log_file(system.home)}; `onhand stop` ends it")
