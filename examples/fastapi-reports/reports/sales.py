"""What an organisation has sold, in euros."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from reports.tables import Organization, Rate, Sale


class RateMissing(Exception):
    """A currency has no rate yet; they come in the course of the morning."""


@dataclass(frozen=True)
class Line:
    """A product."""

    product: str
    count: int
    euros: Decimal


@dataclass(frozen=True)
class SalesReport:
    """All sales from the first day to the last, both included, by product."""

    organization: str
    first_day: date
    last_day: date
    lines: Sequence[Line]

    @property
    def total(self) -> Decimal:
        return sum((line.euros for line in self.lines), Decimal(0))


async def read_sales(
    session: AsyncSession, organization_id: int, first_day: date, last_day: date
) -> SalesReport:
    """Raises RateMissing."""
    organization = await session.get_one(Organization, organization_id)
    in_euros = func.round(func.sum(Sale.amount * Rate.euros), 2)
    found = await session.execute(
        select(Sale.product, func.count(), in_euros, func.bool_and(Rate.currency.is_not(None)))
        .outerjoin(Rate, Rate.currency == Sale.currency)
        .where(Sale.organization_id == organization_id)
        .where(Sale.sold_on.between(first_day, last_day))
        .group_by(Sale.product)
        .order_by(Sale.product)
    )
    lines = []
    for product, count, euros, has_rates in found:
        if not has_rates:
            raise RateMissing(f"A sale of {product} is in a currency without a rate.")
        lines.append(Line(product, count, euros))
    return SalesReport(organization.name, first_day, last_day, lines)
