"""The page at /workbench/api: what channels take and give, and a form to call each, made of /openapi.json.

It is told, and calls, what its reader may: with the workbench's token, with credentials that are typed, or with none.
"""

from __future__ import annotations

from workbench.channels.own import Page
from workbench.ui.carriers.files import file, html
from workbench.ui.modules import joined, styles

STYLES = ("page.css", "card.css", "api.css")
HTML = html("api", "Workbench API")


def api_pages() -> dict[tuple[str, str], Page]:
    """What each of its addresses does; they hold nothing, and so anybody may have them."""
    return {
        ("GET", "/workbench/api"): Page(lambda _: file(HTML, "text/html"), is_public=True),
        ("GET", "/workbench/api.js"): Page(lambda _: file(joined("api.js"), "text/javascript"), is_public=True),
        ("GET", "/workbench/api.css"): Page(lambda _: file(styles(*STYLES), "text/css"), is_public=True),
    }
