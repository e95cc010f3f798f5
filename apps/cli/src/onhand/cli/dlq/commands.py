"""The commands of `onhand dlq`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import typer

from onhand.cli.commands import AsJson, examples
from onhand.cli.dlq.choice import BadChoice, Choice, LetterId, State, parse_id, with_choice
from onhand.cli.dlq.editing import CannotEdit, Editing
from onhand.cli.dlq.editor import edit_text
from onhand.cli.dlq.letters import Letters, open_letters
from onhand.cli.dlq.retrying import Outcome, refuse_parked, retry_letters, show_outcomes
from onhand.cli.dlq.show import listed, readable, show_letter, show_letters, with_payload
from onhand.cli.output import show_json
from onhand.cli.system import System
from onhand.common.settings import load_settings

FAILED_AGAIN = 4
NOT_YET = 3

dlq = typer.Typer(help="See and mend dead letters: messages that a service could not handle.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Such as orders/12.")]
Everything = Annotated[bool, typer.Option("--all", help="All that failed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
T = TypeVar("T")


@dlq.command("list", epilog=examples("onhand dlq list", "onhand dlq list --service orders --since 2h --json"))
@with_choice
def list_letters(
    choice: Choice,
    limit: Annotated[int, typer.Option(min=0, help="Most to show.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, and what is parked behind them.

    Later messages with the key of a dead letter (the order, the product)
    are parked until it is retried or dropped.
    """
    letters, total = _with_letters(choice.services, lambda it: it.find(choice, limit))
    if as_json:
        show_json({"total": total, "letters": letters})
    else:
        show_letters(letters, total)


@dlq.command(epilog=examples("onhand dlq show orders/12", "onhand dlq show orders/12 --json"))
def show(letter_id: Id, as_json: AsJson = False) -> None:
    """Show all there is of one: where and when, why, and what it says."""
    chosen = parse_id(letter_id)
    letter, payload = _with_letters([chosen.service], lambda it: it.read(chosen))
    if as_json:
        show_json(with_payload(letter, payload))
    else:
        show_letter(letter, payload)


@dlq.command(epilog=examples("onhand dlq retry orders/12 orders/15", "onhand dlq retry --error Timeout --since 1h"))
@with_choice
def retry(
    choice: Choice,
    everything: Everything = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, max=3600, help="How long to wait for it.")] = 10.0,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait for what comes of it.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Have dead letters handled once more, and then what is parked behind them.

    Their service does it within seconds, if it runs. They keep their ids,
    so nothing takes effect twice.

    The exit code is 0 if all were handled, 4 if one failed again, and 3
    if one still waits.
    """
    failed = _narrowed(choice, everything=everything)
    if failed.state is State.PARKED:
        raise BadChoice("what is parked did not fail: retry what it waits for")

    async def work(letters: Letters) -> list[Outcome]:
        ids = await letters.ids(failed)
        await refuse_parked(letters, choice.ids)
        if dry_run:
            return [Outcome(str(letter_id), "untouched") for letter_id in ids]
        return await retry_letters(letters, ids, 0 if no_wait else wait)

    outcomes = _with_letters(choice.services, work)
    if as_json:
        show_json(outcomes)
    elif dry_run:
        typer.echo(f"would retry {listed([it.id for it in outcomes])}")
    else:
        show_outcomes(outcomes)
    codes = {"failed": FAILED_AGAIN, "waiting": 0 if no_wait else NOT_YET}
    raise typer.Exit(max(codes.get(it.outcome, 0) for it in outcomes))


@dlq.command(
    epilog=examples(
        "onhand dlq edit orders/12",
        "onhand dlq edit orders/12 --set customerId=cust-456",
        """onhand dlq edit orders/12 --data '{"productId": "123", "onHand": 10}'""",
    )
)
def edit(
    letter_id: Id,
    data: Annotated[str | None, typer.Option(metavar="JSON", help="What it is to say, all of it.")] = None,
    fields: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a field.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change what a message says; `retry` then has it handled.

    Without --data or --set, $EDITOR opens. What is stored is a message of
    its type, or nothing is. Its id stays, and what it is about.
    """
    chosen = parse_id(letter_id)
    _, payload = _with_letters([chosen.service], lambda it: it.read(chosen))
    new = _edited(Editing(payload), data, fields)
    if not dry_run:
        _with_letters([chosen.service], lambda it: it.replace(chosen, payload, new))
    if as_json:
        typer.echo(new)
    else:
        typer.echo(f"{readable(new)}\n{f'would store this as {chosen}' if dry_run else f'{chosen} is edited'}")


@dlq.command(epilog=examples("onhand dlq drop orders/12", "onhand dlq drop --key 123 --with-parked --dry-run"))
@with_choice
def drop(
    choice: Choice,
    everything: Everything = False,
    with_parked: Annotated[bool, typer.Option("--with-parked", help="Also what is parked behind them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete dead letters for good, unhandled; what is parked behind them goes on.

    Filters choose what failed, if --state does not say otherwise. They are
    asked about before anything is deleted.
    """
    chosen = _narrowed(choice, everything=everything)

    async def find(letters: Letters) -> tuple[list[LetterId], list[LetterId]]:
        ids = await letters.ids(chosen)
        return ids, sorted(set(await letters.parked_behind(ids)) - set(ids))

    ids, parked = _with_letters(choice.services, find)
    doomed = [*ids, *parked] if with_parked else ids
    if not dry_run and not choice.ids and not yes:
        typer.confirm(f"Drop {len(doomed)} for good ({listed(doomed)})?", abort=True)
    dropped = doomed if dry_run else _with_letters(choice.services, lambda it: it.drop(doomed))
    if as_json:
        show_json({"wouldDrop" if dry_run else "dropped": list(map(str, dropped))})
    else:
        goes_on = f"; {len(parked)} parked behind go on" if parked and not with_parked else ""
        typer.echo(f"{'would drop' if dry_run else 'dropped'} {listed(dropped) or 'nothing'}{goes_on}")


def _with_letters(services: Sequence[str], work: Callable[[Letters], Awaitable[T]]) -> T:
    system = System(load_settings())

    async def run() -> T:
        async with open_letters(system, services) as letters:
            return await work(letters)

    return asyncio.run(run())


def _narrowed(choice: Choice, *, everything: bool) -> Choice:
    """A choice as those mean it who change something: nothing unless they say so, and of what is alike what failed."""
    if everything != choice.is_everything:
        raise BadChoice("name ids, choose by filters, or give --all; one of these")
    return choice if choice.ids or choice.state else choice._replace(state=State.FAILED)


def _edited(editing: Editing, data: str | None, fields: Sequence[str] | None) -> bytes:
    if data is not None and fields:
        raise BadChoice("--data and --set at once: give one of them")
    if data is not None:
        return editing.with_data(data)
    if not fields:
        return _edited_by_hand(editing)
    if bad := [it for it in fields if "=" not in it]:
        raise BadChoice(f"--set {bad[0]!r} should be like customerId=cust-456")
    return editing.with_fields({name: value for name, _, value in (it.partition("=") for it in fields)})


def _edited_by_hand(editing: Editing) -> bytes:
    text = editing.data
    while True:
        edited = edit_text(text, "data.json")
        if edited.strip() == editing.data.strip():
            raise CannotEdit("nothing was changed")
        try:
            return editing.with_data(edited)
        except CannotEdit as error:
            typer.echo(f"onhand: {error}", err=True)
        typer.confirm("Edit it again?", default=True, abort=True)
        text = edited
