"""Schemas as a user would write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Literal

from pydantic import BaseModel, Field


class Kind(Enum):
    goods = "goods"
    services = "services"


class Line(BaseModel):
    description: str
    quantity: int
    unit_price: Decimal
    vat_percent: float = Field(ge=0, le=100)
    amount: Decimal = Field(max_digits=12, decimal_places=2)


class Party(BaseModel):
    name: str
    address: str | None = None


class Invoice(BaseModel):
    """An invoice, as a bookkeeper needs it."""

    number: str = Field(description="invoice number as printed")
    issued: date
    due: date | None = None
    seller: Party
    lines: list[Line]
    total: Decimal
    kind: Kind = Kind.goods
    paid: bool = False
    currency: Literal["GBP", "EUR", "USD"] | None = None


class Payment(BaseModel):
    """One line of a statement of account."""

    day: date
    text: str
    balance: Decimal


class Statement(BaseModel):
    holder: str | None = None
    closing: Decimal | None = None
    payments: list[Payment] = []


NOT_A_MODEL = 7
