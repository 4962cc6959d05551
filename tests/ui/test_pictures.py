"""Every tab of `wb` drawn in light and dark, at 400 and 1600 px, with 0, 3 and 10,000 rows: nothing is cut off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import ROOT
from tests.ui.drawn import COLOURS, WIDTHS, Drawn
from tests.ui.several import fill, many
from workbench import Workbench
from workbench.notebook import running
from workbench.ui import views
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.panel.recipes import RECIPES
from workbench.ui.panel.tabs import TABS
from workbench.ui.verbs import VERBS

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
SAMPLES = [("light", 400, 3), ("dark", 1600, 3), ("light", 400, 0), ("dark", 400, 10_000)]
"""In every run; `make soak` draws them all and keeps their pictures."""

COLOURFUL = ("services", "limits", "traffic")
"""In every run these are looked at in light, too: they have every chip, dot and bar of the others."""

TALLEST = 1600
"""Of a long tab the first so many pixels."""

PICTURES = ROOT / ".cache" / "pictures"


@pytest.fixture(scope="module")
def desks() -> Iterator[dict[int, Desk]]:
    """A desk of an empty workbench, and one of a workbench with three of everything."""
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0) as empty, Workbench(port=0) as full:
        patch.setenv("ADA_PASSWORD", "correct horse")
        patch.setenv("PARTNER_KEY", "battery staple")
        fill(full)
        made = {0: Desk(empty, Courier(), VERBS), 3: Desk(full, Courier(), VERBS)}
        for each in made.values():
            each.html_of_peer = running.peer
        yield made
        for each in made.values():
            each.close()


def counted(rows: int, facts: dict[str, Any]) -> dict[str, Any]:
    """The counts on the tabs, for so many rows."""
    if rows <= 3:
        return {}
    return {"tabs": [each | ({"count": rows} if each["count"] else {}) for each in facts["tabs"]]}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("colours", "width", "rows"), list(product(COLOURS, WIDTHS, (0, 3, 10_000))) if SOAK else SAMPLES
)
def test_every_tab_fits(chromium: Any, desks: dict[int, Desk], colours: str, width: int, rows: int) -> None:
    desk = desks[min(rows, 3)]
    change = {"change": partial(many, count=rows)} if rows > 3 else {}
    drawn = Drawn(chromium, desk, colours, width, **change)
    card = drawn.draw(views.everything, **counted(rows, views.everything(desk)))
    wrong = {}
    for tab in TABS:
        drawn.open(tab.name)
        wrong[tab.name] = drawn.wrong()
        if SOAK:
            picture(card, f"{tab.name}-{rows}-{width}-{colours}")
    drawn.close()
    assert {tab: said for tab, said in wrong.items() if said} == {}
    assert drawn.errors == []


@pytest.mark.timeout(600 if SOAK else 120)
@pytest.mark.parametrize("colours", COLOURS if SOAK else ["light"])
def test_every_form_fits_where_it_is_narrow(chromium: Any, desks: dict[int, Desk], colours: str) -> None:
    drawn = Drawn(chromium, desks[3], colours, WIDTHS[0])
    card = drawn.draw(views.everything)
    wrong: dict[str, list[str]] = {}
    for tab in TABS if SOAK else TABS[:1]:
        drawn.open(tab.name)
        for form in drawn.forms(each=False):
            for more in drawn.page.locator(".wb-more:not([open]) > summary:visible").all():
                more.click()
            # A value that is longer than its field can be moved in it.
            said = [each for each in drawn.wrong() if not each.startswith("overflows: wb-input")]
            wrong[f"{tab.name}: {form}"] = said
            if SOAK:
                picture(card, f"{tab.name}-{re.sub('[^a-z]+', '-', form.lower())[:40]}-{colours}")
    drawn.close()
    assert {form: said for form, said in wrong.items() if said} == {}
    assert drawn.errors == []


def test_recipes_stand_first_under_a_heading_of_their_own(chromium: Any, desks: dict[int, Desk]) -> None:
    drawn = Drawn(chromium, desks[3])
    drawn.draw(views.everything)
    new = drawn.new_things()
    next(new)
    first = drawn.page.get_by_role("menu").get_by_role("group").first
    assert first.locator(".wb-menu-title").inner_text() == "Recipe, four cells each"
    assert first.get_by_role("menuitem").all_inner_texts() == [each.label for each in RECIPES]
    drawn.close()
    assert drawn.errors == []


@pytest.mark.timeout(600 if SOAK else 120)
@pytest.mark.parametrize("colours", COLOURS)
def test_axe_finds_nothing_serious_in_tabs_and_forms(chromium: Any, desks: dict[int, Desk], colours: str) -> None:
    drawn = Drawn(chromium, desks[3], colours, 1000)
    drawn.draw(views.everything)
    found: dict[str, Any] = {}
    for tab in TABS if SOAK or colours == "dark" else [each for each in TABS if each.name in COLOURFUL]:
        drawn.open(tab.name)
        found[tab.name] = drawn.faults()
        for form in drawn.forms(each=SOAK) if SOAK or (colours, tab.name) == ("dark", "services") else ():
            found[f"{tab.name}: {form}"] = drawn.faults(".wb-panel, .wb-detail")
    for form in drawn.new_things() if SOAK else ():
        found[f"New {form}"] = drawn.faults(".wb-panel, .wb-menu:not([hidden])")
    drawn.close()
    assert {place: faults for place, faults in found.items() if faults} == {}
    assert drawn.errors == []


def picture(card: Any, name: str) -> Path:
    """Keep a picture, to be looked at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    box = card.bounding_box()
    clip = {**box, "height": min(box["height"], TALLEST)}
    card.page.screenshot(path=path, animations="disabled", full_page=True, clip=clip)
    return path
