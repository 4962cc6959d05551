"""HTML that a cell has shown, without what runs, loads or leads elsewhere by itself, and with every tag closed."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

GONE = frozenset(
    (
        *("applet", "audio", "base", "embed", "form", "frame", "frameset", "iframe", "link", "meta", "noscript"),
        *("object", "script", "style", "template", "title", "video"),
        *("listing", "noembed", "noframes", "plaintext", "xmp"),
    )
)
"""Elements that go with all that is in them; of the last row browsers read no tags in what follows."""
UNWRAPPED = frozenset(("html", "head", "body", "button", "input", "select", "textarea", "label", "option"))
"""Elements of which the text stays."""
VOID = frozenset(
    ("area", "br", "col", "hr", "img", "source", "track", "wbr", *("base", "embed", "input", "link", "meta"))
)
_LINKS = ("http://", "https://", "mailto:", "#")
_OWN = ("http://localhost", "http://127.0.0.1")
"""Addresses of a kernel that has ended long ago."""
Picture = Callable[[str], str]


def harmless(html: str, picture: Picture = lambda _: "") -> str:
    """The same HTML, of which nothing runs and nothing is loaded from elsewhere.

    Args:
        html: As it was shown.
        picture: Gives the `data:` address of a picture that is named otherwise, '' for one that is not shown.
    """
    cleaner = _Cleaner(picture)
    cleaner.feed(html)
    cleaner.close()
    return cleaner.done()


class _Cleaner(HTMLParser):
    """Writes what it reads, but for what goes."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(convert_charrefs=True)
        self._picture = picture
        self._parts: list[str] = []
        self._open: list[str] = []
        self._gone: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._gone or tag in GONE:
            if tag not in VOID:
                self._gone.append(tag)
            return
        if tag in UNWRAPPED:
            return
        kept = "".join(f' {name}="{escape(value)}"' for name, each in attrs if (value := self._kept(tag, name, each)))
        self._parts.append(f"<{tag}{kept}>")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._gone:
            # Up to the element that began it: one that was never opened ends nothing.
            if tag in self._gone:
                while self._gone.pop() != tag:
                    pass
        elif tag in self._open:
            while True:
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    return

    def handle_data(self, data: str) -> None:
        if not self._gone:
            self._parts.append(escape(data, quote=False))

    def _kept(self, tag: str, name: str, value: str | None) -> str:
        """The value that an attribute keeps; '' drops it."""
        value = (value or "").strip()
        if name.startswith("on") or name in ("srcdoc", "srcset", "ping", "formaction", "target", "id", "background"):
            return ""
        if name in ("href", "xlink:href"):
            leads = value.lower().startswith(_LINKS) and not value.lower().startswith(_OWN)
            return value if leads and (tag == "a" or value.startswith("#")) else ""
        if name == "src":
            return value if value.startswith("data:image/") else self._picture(value)
        if name == "style":
            # Escapes and comments would hide any word from whoever looks for it.
            low = "".join(value.lower().split())
            hides = ("url(", "expression(", "position:fixed", "position:sticky", "\\", "/*")
            return "" if any(each in low for each in hides) else value
        return value if name.replace("-", "").replace(":", "").isalnum() else ""

    def done(self) -> str:
        """All of it."""
        return "".join([*self._parts, *(f"</{each}>" for each in reversed(self._open))])
