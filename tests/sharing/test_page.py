"""The page of a package: it stands alone, nothing on it runs, and it reads on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import ROOT
from tests.testing.notebooks import code, markdown, printed, write
from tests.ui.lab import browser
from workbench.sharing.drawing import drawings
from workbench.sharing.flow import WayIn, WayOut, flow
from workbench.sharing.harmless import harmless
from workbench.sharing.page import page
from workbench.testing.lint.notebook import Notebook

SYNC = ROOT / "notebooks" / "01-scheduled-sync.ipynb"
HOSTILE = """<h2 onclick="window.ran=1">Shown</h2><script>window.ran = 1</script><img src=x onerror="window.ran=1">
<iframe srcdoc="<script>parent.ran=1</script>"></iframe><a href="javascript:window.ran=1">link</a>
<meta http-equiv="refresh" content="0;url=https://example.com"><svg><script>window.ran=1</script></svg>
<form action="https://example.com"><input></form><img src="https://example.com/x.png"><link href="https://example.com">
<style>@import "https://example.com"; main { display: none }</style><p style="background:url(https://example.com)">p
</div></main><b>open"""
WIDER = """() => [...document.querySelectorAll("body *")].filter((each) => {
  const scrolls = each.closest(".wb-code, .wb-shown, .wb-text pre, .wb-text");
  return !scrolls && !each.closest("svg") && each.getBoundingClientRect().right > innerWidth + 1;
}).map((each) => each.outerHTML.slice(0, 80))"""
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => each / 255)
      .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (one, other) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  return [...document.querySelectorAll(".wb-flow")].flatMap((svg) => [...svg.querySelectorAll("rect")].map((rect) => {
    const text = rect.nextElementSibling;
    return over(light(getComputedStyle(rect).fill), light(getComputedStyle(text).fill));
  }));
}"""


def made(path: Path) -> str:
    read = Notebook(path)
    return page(read.written, flow(read), path.name, path.parent)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_page_fits_a_phone_in_light_and_dark_and_loads_nothing(colours: str, chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(made(SYNC), encoding="utf-8")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme=colours)
    shown = context.new_page()
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("console", lambda message: asked.append(message.text))
    shown.goto((tmp_path / "index.html").as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.evaluate(WIDER) == []
    assert shown.locator(".wb-narrow svg").is_visible()
    assert not shown.locator(".wb-wide svg").is_visible()
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text.
    assert min(shown.evaluate(CONTRAST)) >= 4.5
    assert asked == [(tmp_path / "index.html").as_uri()]
    context.close()


def test_nothing_that_a_cell_has_shown_runs_on_the_page(chromium: Any, tmp_path: Path) -> None:
    shown = {"output_type": "display_data", "metadata": {}, "data": {"text/html": HOSTILE, "text/plain": "x"}}
    path = write(tmp_path / "a.ipynb", markdown(f"# Title\n{HOSTILE}"), code("1", shown), markdown("the last"))
    html = tmp_path / "index.html"
    html.write_text(made(path), encoding="utf-8")
    context = chromium.new_context()
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(html.as_uri())
    assert opened.evaluate("window.ran") is None
    assert opened.locator("script, iframe, form, link, main style").count() == 0
    assert opened.get_by_text("the last").is_visible()
    assert asked == [html.as_uri()]
    # Nor would it where the cleaning has missed something: the page itself forbids it.
    html.write_text(html.read_text().replace("<main>", f"<main>{HOSTILE.replace('http-equiv', 'name')}"))
    why: dict[str, str | None] = {}
    opened.on("requestfailed", lambda request: why.update({request.url: request.failure}))
    opened.goto(html.as_uri())
    assert opened.evaluate("window.ran") is None
    assert {why[url] for url in asked[1:] if url != html.as_uri()} == {"csp"}
    context.close()


def test_what_is_shown_stays_as_it_is_but_for_what_runs() -> None:
    assert harmless(HOSTILE).split() == (
        ["<h2>Shown</h2><img>", "<a>link</a>", "<svg></svg>", "<img>", "<p>p", "<b>open</b></p>"]
    )
    kept = '<table class="a"><tr><td style="color:red" colspan="2">1 &lt; 2</td></tr></table>'
    assert harmless(kept) == kept
    assert (
        harmless('<a href="https://example.com/?a=1&amp;b=2">x</a>')
        == '<a href="https://example.com/?a=1&amp;b=2">x</a>'
    )
    assert harmless('<a href="http://localhost:11223/x">x</a>') == "<a>x</a>"
    assert harmless("a</div></main>b") == "ab"
    assert harmless("<script>1</scr") == ""
    for tag in ("plaintext", "xmp", "noembed", "noframes", "listing"):
        assert harmless(f"a<{tag}>b<b>c</b></{tag}>") == "a"
    bar = '<span style="position:absolute;left:1%"></span>'
    assert harmless(bar) == bar
    for style in ("position : fixed", "position:/**/fixed", "p\\6f sition:fixed", "a:URL (x)"):
        assert harmless(f'<b style="{style}">x</b>') == "<b>x</b>"
    assert harmless('<img src="a.png">', lambda name: f"data:image/png;base64,{name}") == (
        '<img src="data:image/png;base64,a.png">'
    )


def test_pictures_beside_the_notebook_are_in_the_page_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for place in (tmp_path / "in" / "a b.png", tmp_path / "out.png"):
        place.write_bytes(b"\x89PNG")
    path = write(
        tmp_path / "in" / "a.ipynb", markdown("![x](a%20b.png) ![y](../out.png) ![z](https://example.com/z.png)")
    )
    assert made(path).count("data:image/png;base64,iVBORw==") == 1


def test_what_a_saved_card_says_of_itself_is_not_on_the_page() -> None:
    html = made(ROOT / "notebooks" / "00-hello.ipynb")
    assert "Workbench on" in html
    assert "As of" not in html
    assert "Run the cell to make it live" not in html


def test_what_goes_where_is_read_without_running_it() -> None:
    read = flow(Notebook(SYNC))
    assert list(read.services) == ["api.hello", "api.scheduler.sync"]
    assert read.services["api.scheduler.sync"].uses == ("My Data Source", "My SMTP", "Redis")
    assert WayIn("channel", "/api/sync", "api.sync", "api.scheduler.sync") in read.ways_in
    assert WayIn("job", "09:00 Monday to Friday", "sync mornings", "api.scheduler.sync") in read.ways_in
    assert read.ways_out["My SMTP"] == WayOut("SMTP", "My SMTP", "smtp.example.com", True)


def test_a_service_of_tests_or_of_a_failing_cell_is_not_drawn(tmp_path: Path) -> None:
    text = "class {0}(Service):\n    name = '{0}'\n    def handle(self): ..."
    path = write(
        tmp_path / "a.ipynb",
        code(text.format("Kept")),
        code(f"%%test\n{text.format('OfATest')}"),
        code(text.format("Fails"), tags=("raises-exception",)),
    )
    assert list(flow(Notebook(path)).services) == ["Kept"]


def test_names_are_drawn_as_text_whatever_is_in_them(tmp_path: Path) -> None:
    name = '<script>&"'
    text = f"class A(Service):\n    name = {name!r}\n    def handle(self): self.out.rest['no <b>'].conn.get()"
    drawn = drawings(flow(Notebook(write(tmp_path / "a.ipynb", code(text, printed("1\n"))))))
    assert "<script" not in drawn
    assert drawn.count("&lt;script&gt;&amp;&quot;") == 2
    assert drawn.count("no cell defines it") == 2
    assert drawings(flow(Notebook(write(tmp_path / "b.ipynb", code("1"))))) == ""
