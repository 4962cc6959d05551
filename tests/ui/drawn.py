"""Cards drawn by a plain Chromium, with a real desk behind them: no JupyterLab, its colours alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from workbench.core.masking import masked
from workbench.ui.desk import Desk
from workbench.ui.modules import STATIC, joined
from workbench.ui.views import Draw

THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
WIDTHS, COLOURS = (400, 1600), ("light", "dark")
PLACE = "http://card.test/"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A card</title><style>{theme}</style>
<style>body {{ margin: 0; padding: 8px; background: var(--jp-layout-color1); }} {style}</style></head>
<body data-jp-theme-light="{is_light}"><main></main><script type="module">{code}
const heard = new Map();
const tell = (event, said) => [...heard.get(event) ?? []].forEach((each) => each(said));
window.draw = (facts) => {{
  const first = !window.facts;
  window.facts = facts;
  if (!first) return tell("change:facts");
  const model = {{
    get: () => window.facts,
    on: (event, use) => heard.set(event, (heard.get(event) ?? new Set()).add(use)),
    off: (event, use) => heard.get(event)?.delete(use),
    send: (asked) => {{
      tell("msg:custom", {{ ack: asked.id }});
      window.answer(asked).then((said) => said && tell("msg:custom", {{ batch: [{{ id: asked.id, ...said }}] }}));
    }},
  }};
  return render({{ model, el: document.querySelector("main") }});
}};
window.ready = true;
</script></body></html>"""
WRONG = """() => {
  const card = document.querySelector(".wb-card"), wrong = [];
  const say = (what, each) => wrong.push(`${what}: ${each.className || each.tagName} ${each.textContent.slice(0, 40)}`);
  if (document.documentElement.scrollWidth > innerWidth) say("wider than the page", document.documentElement);
  for (const each of card.querySelectorAll("*")) {
    if (!each.checkVisibility({ visibilityProperty: true }) || each.matches(".wb-offscreen, option")) continue;
    const style = getComputedStyle(each);
    const may = ["auto", "scroll"].includes(style.overflowX) || style.display === "inline";
    const cut = style.textOverflow !== "ellipsis" && each.clientWidth && each.scrollWidth > each.clientWidth + 1;
    if (!may && cut) say("overflows", each);
    if (!each.matches("button, input, select, textarea, a")) continue;
    const box = each.getBoundingClientRect();
    for (let around = each.parentElement; around && around !== card.parentElement; around = around.parentElement) {
      const overflow = getComputedStyle(around).overflowX;
      if (["auto", "scroll"].includes(overflow)) break;
      const edge = around.getBoundingClientRect();
      if (overflow !== "visible" && (box.right > edge.right + 1 || box.left < edge.left - 1)) say("cut off", each);
      if (around === card && box.right > edge.right + 1) say("beyond the card", each);
    }
  }
  return wrong;
}"""


class Drawn:
    """One card in a page of its own.

    Args:
        chromium: The browser.
        desk: Answers what the card asks.
        colours: `light` or `dark`.
        width: The page's [px].
        change: What is made of each answer before the card has it: the question, the answer.
        scale: Pixels of a picture for each of the page's.
    """

    def __init__(
        self,
        chromium: Any,
        desk: Desk,
        colours: str = "light",
        width: int = 1600,
        change: Callable[[Mapping[str, Any], dict[str, Any]], dict[str, Any]] = lambda asked, said: said,
        scale: int = 1,
    ) -> None:
        self.desk, self._change = desk, change
        self.errors: list[str] = []
        self.page = chromium.new_page(viewport={"width": width, "height": 900}, device_scale_factor=scale)
        self.page.set_default_timeout(10_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.expose_function("answer", self._answer)
        self.page.route(PLACE, lambda route: route.fulfill(content_type="text/html", body=page_of(colours)))
        self.anew()

    def anew(self) -> None:
        """Load the page again, without a card."""
        self.page.goto(PLACE)
        self.page.wait_for_function("window.ready")

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Ask the desk and wait for what it tells last; nobody waits for an answer to `bye`."""
        if asked["ask"] == "bye":
            return None
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.desk.answer(asked, answers.put)
        while "so far" in (said := answers.get(timeout=30)):
            pass
        return self._change(asked, said)

    def draw(self, view: Draw, **more: Any) -> Any:
        """Draw what a view shows; gives the card."""
        facts = masked(view(self.desk)) | {"now": self.desk.wb.clock.time()} | more
        self.page.evaluate("(facts) => { window.draw(facts); }", facts)
        return self.page.locator(".wb-card")

    def open(self, tab: str) -> None:
        """Open a tab of the panel and wait until it is drawn."""
        self.page.locator(f'.wb-tab[data-tab="{tab}"]').click()
        self.page.locator(f'.wb-all[data-drawn="{tab}"]').wait_for()

    def wrong(self) -> list[str]:
        """What overflows, or is cut off."""
        found: list[str] = self.page.evaluate(WRONG)
        return found

    def faults(self, of: str = ".wb-card") -> dict[str, list[str]]:
        """What axe-core finds in part of the page that is serious or critical: the pieces of HTML, by rule."""
        reason = "needs axe-core: pip install axe-playwright-python"
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason)
        found = axe.Axe().run(self.page, of).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        return {each["id"]: [node["html"][:200] for node in each["nodes"]] for each in serious}

    def forms(self, each: bool = True) -> Iterator[str]:
        """Open forms of the tab that is open, one after another; gives the words on their buttons.

        Args:
            each: Whether every button is clicked, or the first with its words alone.
        """
        buttons = self.page.locator(".wb-tab-body button[aria-expanded]:visible")
        seen: set[str] = set()
        for number in range(buttons.count()):
            opener = buttons.nth(number)
            # A call has its own name on the button that opens it.
            words = "call" if "wb-call-name" in opener.get_attribute("class") else opener.inner_text()
            if not each and words in seen:
                continue
            seen.add(words)
            opener.click()
            self.page.locator(".wb-panel, .wb-detail :is(.wb-trace, .wb-search)").first.wait_for()
            yield f"{words} of {row_of(opener)}"
            opener.click()
            self.page.locator(".wb-panel, .wb-detail").first.wait_for(state="detached")

    def new_things(self) -> Iterator[str]:
        """Open the menu, and the form of each thing that can be made, one after another; gives its words."""
        new = self.page.get_by_role("button", name="+ New", exact=True)
        new.click()
        labels = self.page.get_by_role("menuitem").all_inner_texts()
        yield "the menu"
        for number in range(len(labels)):
            if not self.page.get_by_role("menu").is_visible():
                new.click()
            self.page.get_by_role("menuitem").nth(number).click()
            self.page.locator(".wb-panel").wait_for()
            yield labels[number]
            self.page.keyboard.press("Escape")
            self.page.locator(".wb-panel").wait_for(state="detached")

    def close(self) -> None:
        """Close the page."""
        self.page.close()


def row_of(opener: Any) -> str:
    """What the row of a button is about."""
    return str(opener.evaluate("(each) => each.closest('.wb-small, .wb-row, tr').innerText.slice(0, 40)"))


def page_of(colours: str) -> str:
    """The page that a card is drawn in, with JupyterLab's own colours."""
    theme = (THEMES / f"theme-{colours}-extension" / "index.css").read_text(encoding="utf-8")
    code = joined("widget.js").replace("export default { render };", "")
    style = (STATIC / "card.css").read_text(encoding="utf-8")
    return PAGE.format(theme=theme, style=style, code=code, is_light=str(colours == "light").lower())
