"""Signals: what is told when a product's stock runs low, runs out or comes back."""

from enum import Enum

from onhand.common.contracts import StockDepleted, StockLow, StockReplenished
from onhand.inventory.domain.levels import Product, Stock

Signal = StockLow | StockDepleted | StockReplenished


class _State(Enum):
    ENOUGH = "enough"
    LOW = "low"
    DEPLETED = "depleted"


def signals_of(stock: Stock) -> list[Signal]:
    """What is to be told of the changes since the stock was locked.

    Only what is before and after counts: stock that ran out and came back within one transaction tells nothing.

    Returns:
        Signals whose `crossing` counts from 1 for each product: how many there were before is stored.
    """
    signals: list[Signal] = []
    for product in stock.products.values():
        before, after = stock.promisable_before(product.product_id), stock.promisable(product.product_id)
        state_before = _state(before, stock.product_before(product.product_id))
        if before != after or state_before is not _state(after, product):
            signals += _crossings(product, state_before, after)
    return signals


def _state(promisable: int, product: Product) -> _State:
    if promisable == 0:
        return _State.DEPLETED
    return _State.LOW if promisable <= (product.low_stock_threshold or 0) else _State.ENOUGH


def _crossings(product: Product, before: _State, promisable: int) -> list[Signal]:
    after = _state(promisable, product)
    threshold = product.low_stock_threshold
    signals: list[Signal] = []
    if before is _State.ENOUGH and after is not _State.ENOUGH and threshold is not None:
        signals.append(StockLow(product.product_id, promisable, threshold, crossing=1))
    if before is not _State.DEPLETED and after is _State.DEPLETED:
        signals.append(StockDepleted(product.product_id, crossing=len(signals) + 1))
    if before is not _State.ENOUGH and after is _State.ENOUGH:
        signals.append(StockReplenished(product.product_id, promisable, crossing=1))
    return signals
