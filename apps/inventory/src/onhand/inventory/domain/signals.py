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
    for product_id, product in stock.products.items():
        was = stock.product_before(product_id)
        promisable_before, promisable = stock.promisable_before(product_id), stock.promisable(product_id)
        if was is product and min(promisable_before, promisable) > (product.low_stock_threshold or 0):
            continue  # nearly always; the rest would come to the same
        before, after = _state(promisable_before, was), _state(promisable, product)
        if before is not after:
            signals += _crossings(product, before, after, promisable)
    return signals


def _state(promisable: int, product: Product) -> _State:
    if promisable == 0:
        return _State.DEPLETED
    return _State.LOW if promisable <= (product.low_stock_threshold or 0) else _State.ENOUGH


def _crossings(product: Product, before: _State, after: _State, promisable: int) -> list[Signal]:
    """What is told when a product comes from one state to another."""
    threshold = product.low_stock_threshold
    signals: list[Signal] = []
    if before is _State.ENOUGH and threshold is not None:
        signals.append(StockLow(product.product_id, promisable, threshold, crossing=1))
    if after is _State.DEPLETED:
        signals.append(StockDepleted(product.product_id, crossing=len(signals) + 1))
    if after is _State.ENOUGH:
        signals.append(StockReplenished(product.product_id, promisable, crossing=1))
    return signals
