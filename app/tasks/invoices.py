"""Tasks on invoices."""

import csv
import io
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel, Field

from jobs import task

COLUMNS = ["number", "customer", "amount", "currency"]


class Totals(BaseModel):
    """What a list of invoices comes to."""

    invoices: int
    totals: dict[str, Decimal] = Field(description="The sum in each currency.")
    customers: dict[str, int] = Field(description="How many invoices each customer has.")


@task
def sum_invoices(table: str) -> Totals:
    """Add up a CSV table of invoices: number, customer, amount, currency.

    A bad row stays bad, so a job that fails on one is not tried again.

    Raises:
        ValueError: a row is wrong, or a number comes twice; the message names the line.
    """
    rows = csv.reader(io.StringIO(table), strict=True)
    numbers: dict[str, int] = {}
    totals: dict[str, Decimal] = {}
    customers: dict[str, int] = {}
    try:
        if next(rows, None) != COLUMNS:
            raise ValueError(f"the columns must be {','.join(COLUMNS)}")
        for number, customer, amount, currency in map(_checked, filter(None, rows)):
            if (first := numbers.setdefault(number, rows.line_num)) != rows.line_num:
                raise ValueError(f"invoice {number} stands on line {first} already")
            totals[currency] = totals.get(currency, Decimal(0)) + amount
            customers[customer] = customers.get(customer, 0) + 1
    except (ValueError, csv.Error) as error:
        raise ValueError(f"line {max(rows.line_num, 1)}: {error}") from None
    return Totals(invoices=len(numbers), totals=totals, customers=customers)


def _checked(row: list[str]) -> tuple[str, str, Decimal, str]:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} columns instead of {len(COLUMNS)}")
    number, customer, written, currency = (cell.strip() for cell in row)
    if not number or not customer:
        raise ValueError("the number or the customer is missing")
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ValueError(f"{currency!r} is no currency code")
    try:
        amount = Decimal(written)
    except InvalidOperation:
        raise ValueError(f"{written!r} is no amount") from None
    if not amount.is_finite():
        raise ValueError(f"{written!r} is no amount")
    return number, customer, amount, currency
