"""`workbench openapi`: the channels of a running workbench, described for whoever is to call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from workbench.core.errors import WorkbenchError


def openapi(
    app: Annotated[
        str,
        Argument(metavar="[NOTEBOOK|URL]", help="Which workbench; its name, path, process, port or address."),
    ] = "",
    examples: Annotated[
        bool,
        Option("--examples", help="Add recorded calls, masked; read them before you share them."),
    ] = False,
    page: Annotated[bool, Option("--page", help="Give the address of a page to try it; it logs in once.")] = False,
    out: Annotated[str, Option("--out", "-o", metavar="FILE", help="Write it there; it replaces what is there.")] = "",
) -> Any:
    """Print the OpenAPI 3.1 document of a running workbench: what its channels take and give, and who may call."""
    from workbench.app.serving.asking import ask, page_of
    from workbench.app.serving.choosing import chosen

    target = chosen(_named(app))
    if page:
        return f"{target.url}/workbench/api#{page_of(target)['url'].rpartition('#')[2]}"
    document = ask(target, "GET", f"/openapi.json{'?examples=1' if examples else ''}")
    if not out:
        return document
    Path(out).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return f"{sum(map(len, document['paths'].values()))} operations are described in {out}."


def _named(app: str) -> str:
    """A workbench as it is found on this machine: of an address, its port.

    Raises:
        WorkbenchError: The address is that of another machine, or none.
    """
    if "://" not in app:
        return app
    from urllib.parse import urlsplit

    try:
        address = urlsplit(app)
        port = address.port
    except ValueError as exc:
        raise WorkbenchError(f"{app!r} is no address: {exc}. Fix: write it as http://127.0.0.1:11223") from exc
    if address.hostname not in ("127.0.0.1", "localhost", "::1") or port is None:
        raise WorkbenchError(
            f"{app!r} is no workbench of this machine. Fix: run the command there, or ask for what it tells anybody: "
            f"curl {app}/openapi.json"
        )
    return str(port)
