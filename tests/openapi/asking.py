"""Ask a workbench for its description, and know that it is valid."""

from __future__ import annotations

from typing import Any

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.serving import token_of
from workbench import Workbench
from workbench.channels.guard import TOKEN_HEADER


def ask(wb: Workbench, query: str = "", **headers: str) -> requests.Response:
    """What /openapi.json answers."""
    wb.start()
    return requests.get(f"{wb.url}/openapi.json{query}", headers=headers, timeout=30)


def told(wb: Workbench, query: str = "") -> dict[str, Any]:
    """The whole document, as who holds the token sees it; it is valid."""
    reply = ask(wb, query, **{TOKEN_HEADER: token_of(wb)})
    assert reply.status_code == 200, reply.text
    document: dict[str, Any] = reply.json()
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type]
    return document
