"""The tables of the application. They lie beside jobrunner's, which have a schema of their own."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import DateTime, ForeignKey, Numeric, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Of them all."""


class Organization(Table):
    __tablename__ = "organizations"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Member(Table):
    """Who may ask for reports of an organisation."""

    __tablename__ = "members"

    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    """As the `sub` of a JWT names a user."""


class Sale(Table):
    __tablename__ = "sales"

    id: Mapped[int] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"), index=True)
    sold_on: Mapped[date]
    product: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    currency: Mapped[str]


class Rate(Table):
    """What one unit of a currency is worth in euros."""

    __tablename__ = "rates"

    currency: Mapped[str] = mapped_column(primary_key=True)
    euros: Mapped[Decimal] = mapped_column(Numeric(12, 6))


class RequestedReport(Table):
    """A report that somebody has asked for; written in one transaction with its run."""

    __tablename__ = "requested_reports"

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(ForeignKey("organizations.id"))
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
