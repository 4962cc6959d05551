"""Recipes: each of them runs as it stands, and does what it says."""

from __future__ import annotations

import os

import pytest

from tests.kernels import Kernel
from tests.ui.conftest import Asking
from workbench.ui.panel.recipes import RECIPES, Recipe

PROOFS = {
    "rest in": 'assert wb.call("POST /api/orders", json={"item": "tea", "count": 2}).json()["status"] == "taken"\n'
    'assert wb.call("POST /api/orders", json={"item": "tea", "count": "two"}).status == 400\n'
    'assert [each.name for each in wb.limits.values()] == ["api.orders"]',
    "fetch, keep and mail": 'mail = wb.peers["Mail"].messages[-1]\n'
    'assert mail.attachments["rates.json"] == wb.kvdb.conn.get("rates.newest").encode() != b""\n'
    'assert wb.jobs["rates hourly"].state == "on"',
    "files to dropbox": 'assert dict(wb.peers["Archive"].files) == {"invoice.txt": b"42 EUR"}\n'
    'assert len(wb.peers["Inbox"].files) == 0 and wb.jobs["files each minute"].state == "on"',
    "blank": 'assert wb.call("POST /api/mine", data="x").json() == {"you sent": "x"}',
}


ENV = {"WORKBENCH_STORE": "memory://", "WORKBENCH_PORT": "0"}


def expect_to_run(kernel: Kernel, recipe: Recipe) -> None:
    """Run its cells, and then what proves that it did its work; a cell that raises is an error."""
    for cell in recipe.cells:
        kernel.run(cell)
    kernel.run(PROOFS[recipe.name])


@pytest.mark.timeout(120)
def test_each_recipe_needs_no_name_that_its_cells_do_not_make() -> None:
    with Kernel("workbench", env=ENV) as kernel:
        for each in sorted(RECIPES, key=lambda recipe: "wb.sandbox()" in recipe.cells[0]):
            expect_to_run(kernel, each)
            kernel.run("%reset -f")


if os.environ.get("WORKBENCH_SOAK"):  # above, they run one after another in one kernel, whose names are cleared

    @pytest.mark.timeout(120)
    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda each: each.name)
    def test_a_recipe_runs_in_a_kernel_of_its_own(recipe: Recipe) -> None:
        with Kernel("workbench", env=ENV) as kernel:
            expect_to_run(kernel, recipe)


def test_recipes_are_offered_and_shown_cell_by_cell(ask: Asking) -> None:
    offered = ask("panel new")["recipes"]
    assert [each["name"] for each in offered] == list(PROOFS)
    for each in offered:
        said = ask("recipe", name=each["name"])
        assert len(said["cells"]) == 4
        assert said["about"].endswith(".")
        assert said["cells"][0].startswith("from workbench import wb")
    assert "No recipe is named 'soup'" in ask("recipe", name="soup")["failed"]
