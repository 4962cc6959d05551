"""The notebook's services, tested by pytest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import Workbench

NOTEBOOK = Path(__file__).parents[1] / "orders.ipynb"


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    """A workbench of its own with the notebook's services; stand-ins play its connections."""
    with Workbench(port=0, folder=tmp_path, sandbox=True) as made:
        made.load(NOTEBOOK)
        yield made


def test_an_order_is_priced_by_the_rate_of_its_currency(wb: Workbench) -> None:
    rates: Any = wb.peers["Rates"]
    rates.reply("/rates/EUR", json={"rate": 4.25})
    answer = wb.call("POST /orders", json={"sku": "book", "count": 2, "currency": "EUR"})
    wb.expect(answer, status=200, json={"sku": "book", "total": 85.0})


def test_an_order_without_a_sku_is_refused(wb: Workbench) -> None:
    assert wb.call("POST /orders", json={"count": 2}).status == 400
