"""Orders as people write them, and what they come to. Nothing here touches the world."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_AMOUNT_MAX = Decimal(10) ** 12
"""Sums of such amounts are exact to the cent: decimals have 28 places."""


class WrongOrders(ValueError):
    """What was sent cannot be worked off, and never will be."""


@dataclass(frozen=True)
class Order:
    """One line."""

    customer: str
    amount: Decimal
    currency: str


def read_orders(text: str, rates: Mapping[str, Decimal]) -> list[Order]:
    """One order a line: customer,amount,currency. Raises WrongOrders with the line's number."""
    lines = enumerate(csv.reader(text.splitlines()), start=1)
    try:
        orders = [_read_order(number, fields, rates) for number, fields in lines if fields]
    except csv.Error as error:
        raise WrongOrders(f"The lines cannot be read: {error}.") from None
    if not orders:
        raise WrongOrders("There are no orders.")
    return orders


def _read_order(number: int, fields: list[str], rates: Mapping[str, Decimal]) -> Order:
    if len(fields) != 3:
        raise WrongOrders(f"Line {number} is not customer,amount,currency.")
    customer, amount, currency = (field.strip() for field in fields)
    if currency not in rates:
        raise WrongOrders(f"Line {number}: there is no currency {currency!r}.")
    return Order(customer, _read_amount(number, amount), currency)


def _read_amount(number: int, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise WrongOrders(f"Line {number}: {text!r} is no amount.") from None
    if not amount.is_finite() or abs(amount) > _AMOUNT_MAX:
        raise WrongOrders(f"Line {number}: {text!r} is no amount.")
    return amount


def in_euros(order: Order, rates: Mapping[str, Decimal]) -> Decimal:
    return (order.amount * rates[order.currency]).quantize(Decimal("0.01"))


def add_up(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, str]:
    """The sum of each customer, as text: JSON knows no decimals."""
    totals: dict[str, Decimal] = {}
    for customer, amount in amounts:
        totals[customer] = totals.get(customer, Decimal()) + amount
    return {customer: str(total) for customer, total in totals.items()}
