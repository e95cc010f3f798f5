"""What a service tells at `GET /metrics`."""

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.system import System
from tests.e2e.waiting import eventually


class Told:
    """What a service told at one moment."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float | None:
        """The sum over all samples of that name that have these labels; None if there is none."""
        values = [it.value for it in self.samples if it.name == name and labels.items() <= it.labels.items()]
        return sum(values) if values else None

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        """All samples of that name by the values of their labels."""
        return {tuple(it.labels.values()): it.value for it in self.samples if it.name == name}


def metrics(system: System, service: str) -> Told:
    response = system.client.get(f"{system.url(service)}/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Told(response.text)


def eventually_told(system: System, service: str, condition: Callable[[Told], bool]) -> Told:
    """Scrape until it is so, and return what was told then."""

    def told() -> Told | None:
        return found if condition(found := metrics(system, service)) else None

    return eventually(told, seconds=10)


def is_at_rest(told: Told) -> bool:
    return not any(told.sum(name) for name in ("onhand_group_lag", "onhand_group_pending", "onhand_outbox_rows"))
