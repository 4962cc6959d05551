"""A click on a service's mode changes what its class says, and nothing else of its cell."""

from __future__ import annotations

import pytest

from workbench.app.deploy.attributes import with_attribute
from workbench.app.deploy.calls import SetInCode

CELL = '''%load_ext something
"""Prices."""
class Other(Service):
    name = "api.other"

class Price(Service):
    """The price of a thing."""
    name = "api.price"; limit = "5/minute"  # é: as agreed

    # In cents.
    @timed
    def handle(self):
        return 5
print("done")'''
LINE = 'new_version = "gate"'


def test_a_line_more_stands_behind_what_the_class_says_of_itself() -> None:
    agreed = "  # é: as agreed"
    assert with_attribute(CELL, "Price", "new_version", "gate") == CELL.replace(agreed, f"{agreed}\n    {LINE}")


def test_a_class_that_says_nothing_has_it_above_its_first_method_and_the_comment_on_that() -> None:
    bare = "class Price(Service):\n    # In cents.\n    @timed\n    def handle(self): ...\n"
    assert with_attribute(bare, "Price", "new_version", "gate") == bare.replace("    # In", f"    {LINE}\n\n    # In")


@pytest.mark.parametrize("said", ["new_version = 'off'", "new_version: str = 'off'", "new_version = ('off')"])
def test_what_it_says_already_is_replaced_where_it_stands(said: str) -> None:
    cell = f"class Price(Service):\n    name = 'x'\n    {said}  # mine\n"
    assert with_attribute(cell, "Price", "new_version", "gate") == cell.replace("'off'", '"gate"')


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("class Price(Service): name = 'x'", "stands in one line"),
        ("class Price(Service,\n    ): name = 'x'", "stands in one line"),
        ("class Other(Service):\n    name = 'x'", "no class of this name"),
        ("for each in range(2):\n    class Price(Service):\n        name = 'x'", "no class of this name"),
        ("class Price(Service):\n    name = 'x'\n" * 2, "2 classes of this name"),
        ("class Price(Service):\n    new_version = MODE", "no literal"),
        ("class Price(Service):\n    if late:\n        new_version = 'off'", "elsewhere"),
        ("class Price(Service):\n    name = 'x'\nPrice.new_version = 'off'", "elsewhere"),
        ("class Price(Service):\n    name = 'x'\nwb.services['x'].new_version = 'off'", "elsewhere"),
        ("class Price(", "not plain Python"),
    ],
)
def test_what_cannot_be_read_with_certainty_is_refused_in_words(cell: str, why: str) -> None:
    with pytest.raises(
        SetInCode, match=f"new_version of class Price is set in code: .*{why}.*Fix: change it in its cell"
    ):
        with_attribute(cell, "Price", "new_version", "gate")
