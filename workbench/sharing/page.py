"""A notebook as one HTML page that needs nothing else: what goes where, texts, code, and what cells showed.

Nothing on it runs and nothing is loaded: the page says so itself, as a content security policy, whatever a cell shows.
"""

from __future__ import annotations

import mimetypes
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from workbench.sharing.drawing import drawings
from workbench.sharing.flow import Flow
from workbench.sharing.harmless import harmless
from workbench.testing.saved import WrittenCell, heading_of

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
_CSS = Path(__file__).with_name("page.css")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_AS_OF = re.compile(r"<div[^>]*>\s*As of\s*<time[^>]*>[^<]*</time>\.\s*Run the cell to make it live\.\s*</div>")
"""What a saved card says of itself, which is not true of a page."""
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
LARGEST_PICTURE_BYTES = 4 << 20
"""Largest file beside the notebook that is put into the page [bytes]."""


def page(cells: list[WrittenCell], flow: Flow, name: str, folder: Path) -> str:
    """The page.

    Args:
        cells: The notebook's cells, with what they showed.
        flow: What goes where in it.
        name: The notebook's name, which is the title where no heading is.
        folder: Where pictures lie that texts name.
    """
    from pygments.formatters.html import HtmlFormatter

    headings = (heading_of(each.text) for each in cells if each.cell_type == "markdown")
    title = next((each for each in headings if each), name)
    colours = HtmlFormatter(style="default", cssclass="wb-code").get_style_defs(".wb-code")
    dark = HtmlFormatter(style="github-dark", cssclass="wb-code").get_style_defs(".wb-code")
    style = "\n".join(
        [_CSS.read_text(encoding="utf-8"), _inks(colours), f"@media (prefers-color-scheme: dark) {{\n{_inks(dark)}\n}}"]
    )
    counted = ((len(flow.services), "service"), (len(flow.ways_in), "way in"), (len(flow.ways_out), "connection"))
    facts = ", ".join(f"{count} {word if count == 1 else _plural(word)}" for count, word in counted if count)
    # The drawing stands below what the notebook says of itself.
    first = 1 if cells and cells[0].cell_type == "markdown" else 0
    head, body = (
        "\n".join(part for cell in each for part in _cell(cell, folder)) for each in (cells[:first], cells[first:])
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}\n</style></head>\n<body><main>\n"
        f'{head}\n<p class="wb-facts">{escape(name)}{": " if facts else ""}{facts}</p>\n{drawings(flow)}\n{body}\n'
        f"<footer>Shown as it ran in a clean kernel, every connection at its peer. To run it: "
        f"<code>workbench open</code> on this folder.</footer>\n</main></body></html>\n"
    )


def _plural(word: str) -> str:
    return "ways in" if word == "way in" else f"{word}s"


def _inks(styles: str) -> str:
    """Colours of letters alone: the ground is the page's."""
    lines = [re.sub(r"background(?:-color)?: [^;}]+;? ?", "", line) for line in styles.splitlines()]
    return "\n".join(line for line in lines if line.startswith(".wb-code ."))


def _cell(cell: WrittenCell, folder: Path) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield f'<div class="wb-text">{_markdown(cell, folder)}</div>'
    elif cell.cell_type == "code" and cell.text.strip():
        from pygments import highlight
        from pygments.formatters.html import HtmlFormatter
        from pygments.lexers import get_lexer_by_name

        if cell.is_test:
            yield '<div class="wb-test">A test</div>'
        yield highlight(cell.text, get_lexer_by_name("ipython3"), HtmlFormatter(cssclass="wb-code"))
        yield from (f'<div class="wb-shown">{shown}</div>' for each in cell.outputs if (shown := _shown(each)))


def _markdown(cell: WrittenCell, folder: Path) -> str:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True, attachments=cell.attachments)
    return harmless(str(MarkdownWithMath(renderer=renderer).render(cell.text)), lambda source: _picture(source, folder))


def _picture(source: str, folder: Path) -> str:
    """A picture beside the notebook as a `data:` address; '' for anything else."""
    if ":" in source or source.startswith(("/", "\\")):
        return ""
    path = (folder / unquote(source)).resolve()
    kind = mimetypes.guess_type(path.name)[0]
    if kind not in _PICTURES or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    if path.stat().st_size > LARGEST_PICTURE_BYTES:
        return ""
    return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"


def _shown(output: Mapping[str, Any]) -> str:
    """One output as HTML that stands still."""
    if output["output_type"] == "stream":
        return _lines(output.get("text", ""))
    if output["output_type"] == "error":
        return _lines("\n".join(map(str, output.get("traceback", ()))))
    data = output.get("data", {})
    if "text/html" in data:
        return harmless(_AS_OF.sub("", _joined(data["text/html"])))
    if "image/svg+xml" in data:
        return _image("image/svg+xml", b64encode(_joined(data["image/svg+xml"]).encode()).decode())
    for kind in _PICTURES:
        if kind in data:
            return _image(kind, "".join(_joined(data[kind]).split()))
    return _lines(data["text/plain"]) if "text/plain" in data else ""


def _image(kind: str, coded: str) -> str:
    return f'<img alt="A picture that the cell shows" src="data:{kind};base64,{escape(coded)}">'


def _lines(text: Any) -> str:
    plain = _ESCAPES.sub("", _joined(text)).rstrip("\n")
    return f"<pre>{escape(plain)}</pre>"


def _joined(text: Any) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)
