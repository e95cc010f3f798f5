"""Who owns which message, and who takes it: read from the contracts and from the subscriptions of every service."""

import inspect
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import NamedTuple

import msgspec

import onhand
from onhand.common.contracts import CONTRACTS, Command, Event, Message, Query, Reply
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.versions import versions_of

_EVERYBODY = "onhand"
"""Stands where the owner is named, in the type of what every service says."""


class Described(NamedTuple):
    """A message, and what is known of it.

    Attributes:
        owner: the service that says what it means: who takes a command or a query, who tells an event or a reply.
        consumers: the services that take it; none for a reply, which goes to whoever asked.
        older: versions before it that are still read, newest first.
        about: what it says, in sentences.
        fields: what each field means, by its name on the wire, where somebody wrote that down.
    """

    contract: type[Message]
    kind: str
    owner: str
    topic: str | None
    consumers: tuple[str, ...]
    older: tuple[type[Message], ...]
    about: str
    fields: dict[str, str]
    example: Message

    @property
    def name(self) -> str:
        """What it is called in Python and in documents."""
        return self.contract.__name__

    @property
    def subject(self) -> str:
        """The field, on the wire, that says what it is about."""
        return _on_the_wire(self.contract, self.contract.SUBJECT)


def describe_all() -> list[Described]:
    """Every message, by owner, in the order of the contracts."""
    takers = _consumers()
    # Only now: a field that is gone is to be told in a sentence first, before an example fails on it.
    examples = {type(it): it for it in import_module("tests.contracts.examples").EXAMPLES}
    described = [_describe(contract, takers.get(contract, ()), examples[contract]) for contract in CONTRACTS]
    owners = list(dict.fromkeys(it.owner for it in described))
    return sorted(described, key=lambda it: owners.index(it.owner))


def services() -> Iterator[str]:
    """The services that take messages."""
    for module in iter_modules(onhand.__path__):
        if find_spec(f"onhand.{module.name}.subscriptions"):
            yield module.name


def about(kind: type) -> tuple[str, dict[str, str]]:
    """What a docstring says of a message or a part of one, and what it says of its fields."""
    text, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
    fields: dict[str, str] = {}
    for name, meaning in re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", attributes, re.MULTILINE):
        fields[_on_the_wire(kind, name)] = " ".join(meaning.split())
    return " ".join(text.split()), fields


def _describe(contract: type[Message], consumers: Iterable[str], example: Message) -> Described:
    kind = next(it.__name__.lower() for it in (Command, Query, Event, Reply) if issubclass(contract, it))
    owner = contract.TYPE.partition(".")[0]
    _, *older = versions_of(contract)
    return Described(
        contract,
        kind,
        "every service" if owner == _EVERYBODY else owner,
        getattr(contract, "TOPIC", None),
        tuple(consumers),
        tuple(older),
        *about(contract),
        example,
    )


def _consumers() -> dict[type[Message], list[str]]:
    takers: dict[type[Message], list[str]] = {}
    for service in services():
        module = import_module(f"onhand.{service}.subscriptions")
        subscriptions: tuple[Subscription, ...] = (*module.SUBSCRIPTIONS, *module.QUERIES)
        for subscription in subscriptions:
            takers.setdefault(subscription.message, []).append(service)
    return takers


def _on_the_wire(kind: type, name: str) -> str:
    return next((it.encode_name for it in msgspec.structs.fields(kind) if it.name == name), name)
