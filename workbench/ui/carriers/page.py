"""The panel as a page of its own, at /workbench/ of a running workbench: for who has its token, or a code that stands
for it once.

The page holds the token in its tab alone and sends it as a header, as the command line does. So no page of another
site, and no other server on this machine, can make a browser use it; a cookie would go to every port.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from workbench.app.workbench import Workbench
from workbench.channels.exchange import Exchange
from workbench.channels.own import Page
from workbench.core.errors import BadRequest, WorkbenchError
from workbench.ui.carriers.api_page import api_pages
from workbench.ui.carriers.files import file, html
from workbench.ui.modules import joined, styles

if TYPE_CHECKING:
    from workbench.ui.carriers.viewers import Viewers

CODE_SECONDS = 120.0
"""How long a code can be exchanged for the token [s]."""
STYLES = ("page.css", "card.css")
HTML = html("page", "Workbench")


class Looked(msgspec.Struct):
    """What a page asks to be told: after which number, under the name that it gave itself; how long it waits [s]."""

    viewer: str
    after: int = 0
    wait_seconds: float = 3600.0


class Given(msgspec.Struct):
    """What a person gave to log in."""

    code: str


class Codes:
    """Codes that stand for the token once, for a short time.

    Args:
        now: A clock that never goes back [s].
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, Lock()
        self._ends: dict[str, float] = {}

    def make(self) -> str:
        """A new code."""
        code = secrets.token_urlsafe(18)
        with self._lock:
            self._ends = {each: end for each, end in self._ends.items() if end > self._now()}
            self._ends[code] = self._now() + CODE_SECONDS
        return code

    def use(self, code: str) -> bool:
        """Whether a code is one that nobody has used yet, in its time; it is used now."""
        with self._lock:
            return self._ends.pop(code, 0.0) > self._now()


def open_page(wb: Workbench) -> None:
    """Have a workbench answer at /workbench/; nothing more is done before somebody asks there."""
    codes = Codes(wb.clock.monotonic)
    viewers = _Late(wb)

    def pages(token: str) -> dict[tuple[str, str], Page]:
        def login(exchange: Exchange) -> Any:
            if not codes.use(_read(exchange, Given).code):
                raise WorkbenchError("The code is none, was used, or is too old. Fix: workbench panel gives a new one.")
            return {"token": token}

        return {
            ("GET", "/workbench/"): Page(lambda _: file(HTML, "text/html"), is_public=True),
            ("GET", "/workbench/page.js"): Page(lambda _: file(joined("page.js"), "text/javascript"), is_public=True),
            ("GET", "/workbench/page.css"): Page(lambda _: file(styles(*STYLES), "text/css"), is_public=True),
            **api_pages(),
            ("POST", "/workbench/login"): Page(login, is_public=True),
            ("POST", "/workbench/code"): Page(lambda _: {"code": codes.make(), "seconds": CODE_SECONDS}),
            ("POST", "/workbench/look"): Page(viewers.look, waits=True),
            ("POST", "/workbench/ask"): Page(viewers.ask, waits=True),
        }

    wb.add_pages(pages, viewers.end_all)


class _Late:
    """The viewers of a workbench, made with the desk when the first page looks."""

    def __init__(self, wb: Workbench) -> None:
        self._wb, self._lock = wb, Lock()
        self._made: Viewers | None = None

    def _viewers(self) -> Viewers:
        from workbench.ui import views
        from workbench.ui.carriers.viewers import Viewers
        from workbench.ui.desks import desk_of

        with self._lock:
            if self._made is None:
                self._made = Viewers(desk_of(self._wb), views.everything)
            return self._made

    def look(self, exchange: Exchange) -> Any:
        """Tell a page what is new."""
        asked = _read(exchange, Looked)
        if not self._wb.url:
            return {"last": asked.after, "told": [], "over": True, "anew": False}
        return self._viewers().look(asked.viewer, asked.after, asked.wait_seconds)

    def ask(self, exchange: Exchange) -> Any:
        """Take a page's question."""
        message = _read(exchange, dict[str, Any])
        return self._viewers().ask(str(message.pop("viewer", "")), message)

    def end_all(self) -> None:
        """Have pages wait no longer."""
        if self._made is not None:
            self._made.end_all()


def _read(exchange: Exchange, kind: Any) -> Any:
    try:
        return msgspec.json.decode(exchange.body, type=kind)
    except msgspec.MsgspecError as exc:
        raise BadRequest(f"The page sent what cannot be read: {exc}. Fix: load the page again.") from exc
