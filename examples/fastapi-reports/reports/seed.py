"""Invented organisations with their sales, made once: `python -m reports.seed`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from jobrunner import run_async
from reports.database import open_session
from reports.tables import Member, Organization, Rate, Sale

DAYS = 30
PRODUCTS = ("Anvil", "Bellows", "Chisel")
ORGANIZATIONS = (
    ("Acme GmbH", "ada", "EUR"),
    ("Böhm & Söhne <AG>", "bob", "CHF"),
    ("Far Away Ltd", "ada", "XTS"),
)
RATES = (("EUR", Decimal(1)), ("CHF", Decimal("1.05")))
"""None of XTS: a report of it is tried again in five minutes."""


def sales_of(organization: Organization, currency: str) -> list[Sale]:
    """One of each product a day."""
    today = datetime.now(UTC).date()
    return [
        Sale(
            organization_id=organization.id,
            sold_on=today - timedelta(days=day),
            product=product,
            amount=Decimal(10 + day),
            currency=currency,
        )
        for day in range(DAYS)
        for product in PRODUCTS
    ]


async def seed() -> None:
    """Nothing when there is anything already."""
    async with open_session() as session, session.begin():
        if await session.scalar(select(Organization.id).limit(1)) is not None:
            return
        for name, member, currency in ORGANIZATIONS:
            organization = Organization(name=name)
            session.add(organization)
            await session.flush()
            session.add(Member(organization_id=organization.id, subject=member))
            session.add_all(sales_of(organization, currency))
        session.add_all(Rate(currency=currency, euros=euros) for currency, euros in RATES)


if __name__ == "__main__":
    run_async(seed())
