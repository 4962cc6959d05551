"""The form of a request to a channel over HTTP: what is typed, read into what `wb.call` takes, and that as code."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from workbench.app.asking.curl import SECRET, variable_of
from workbench.channels.definition import PLACEHOLDER
from workbench.channels.json_rpc import JSONRPCChannel
from workbench.channels.live import LiveChannel
from workbench.channels.soap import SOAPChannel
from workbench.core.payload.simpleio import Declared
from workbench.ui.calls import input_fields
from workbench.ui.forms.reading import Problems

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""Offered where a channel answers every method. Source: RFC 9110, 9.3, and RFC 5789."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Source: RFC 9110, 5.6.2."""

_SAFE_IN_QUERY = "&=%+/?:@!$'()*,;~[]"
_ENVELOPE = """<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">
  <soap:Body>
    <request{namespace}/>
  </soap:Body>
</soap:Envelope>"""


class Request(NamedTuple):
    """What `wb.call` takes.

    Attributes:
        method: The method, in capitals.
        target: Path and query, percent-encoded.
        headers: As they were typed.
        body: Text, a file of this machine, or None.
        user: The user whose credentials go with it; '' for nobody's.
    """

    method: str
    target: str
    headers: dict[str, str]
    body: str | Path | None
    user: str

    @property
    def secret_headers(self) -> list[str]:
        """The headers whose values are nobody else's business, by their names."""
        return [name for name in self.headers if SECRET.search(name)]

    @property
    def headers_without_secrets(self) -> str:
        """The headers as they are typed, the secret ones without a value."""
        hidden = self.secret_headers
        return "\n".join(f"{name}: {'' if name in hidden else value}" for name, value in self.headers.items())


def _is_file(path: str) -> bool:
    # Unlike Path.is_file, it takes a text too long to be a path for no file.
    return os.path.isfile(path)  # noqa: PTH113


def opening(live: LiveChannel, io: Declared | None) -> dict[str, Any]:
    """What the form of a channel starts with: its methods, the names in its path, a body that fits its kind.

    Args:
        live: The channel; it speaks HTTP.
        io: What the service behind it declares; None if it declares nothing, or there are several.
    """
    methods = list(live.methods or METHODS)
    kind, body = _sample(live, io)
    method = "POST" if body and "POST" in methods else methods[0]
    return {
        "methods": methods,
        "places": PLACEHOLDER.findall(live.address),
        "start": {
            "method": method,
            "places": {},
            "query": "",
            "headers": f"Content-Type: {kind}" if kind else "",
            "body": body,
            "file": "",
            "user": live.security,
        },
    }


def _sample(live: LiveChannel, io: Declared | None) -> tuple[str, str]:
    """A content type and a body to begin with; both '' where nothing is known."""
    definition = live.definition
    if isinstance(definition, SOAPChannel):
        namespace = f' xmlns="{definition.namespace}"' if definition.namespace else ""
        return "text/xml; charset=utf-8", _ENVELOPE.format(namespace=namespace)
    if isinstance(definition, JSONRPCChannel):
        call = {"jsonrpc": "2.0", "method": live.leads_to[0], "params": {}, "id": 1}
        return "application/json", json.dumps(call, indent=2)
    if io is None or not (fields := input_fields(io)):
        return "", ""
    return "application/json", json.dumps({each.name: each.default or "" for each in fields}, indent=2)


def read_request(live: LiveChannel, given: Mapping[str, Any]) -> tuple[Request | None, Problems]:
    """Read the form.

    Args:
        live: The channel.
        given: What was typed, by field; a file by its path, from the kernel's folder on.

    Returns:
        The request, or None and what is wrong, by field; a name in the path is the field `place NAME`.
    """
    path, problems = _path(live, dict(given.get("places") or {}))
    headers, wrong = _headers(str(given.get("headers") or ""))
    if wrong:
        problems["headers"] = wrong
    method = str(given.get("method") or "").strip().upper()
    if not _HEADER_NAME.fullmatch(method):
        problems["method"] = "must be one word, as POST"
    body: str | Path | None = str(given.get("body") or "") or None
    if file := str(given.get("file") or "").strip():
        if body is not None:
            problems["file"] = "goes instead of a body; leave one of them empty"
        elif not _is_file(file):
            problems["file"] = "is no file on the machine of the kernel"
        body = Path(file)
    if problems:
        return None, problems
    query = quote(str(given.get("query") or "").strip().removeprefix("?"), safe=_SAFE_IN_QUERY)
    target = f"{path}?{query}" if query else path
    return Request(method, target, headers, body, str(given.get("user") or "")), {}


def _path(live: LiveChannel, places: Mapping[str, Any]) -> tuple[str, Problems]:
    """The path with its names filled in."""
    wide = bool(getattr(live.definition, "match_slash", False))
    given = {name: str(places.get(name) or "").strip() for name in PLACEHOLDER.findall(live.address)}
    problems = {f"place {name}": "is missing" for name, value in given.items() if not value}
    safe = "/" if wide else ""
    return PLACEHOLDER.sub(lambda found: quote(given[found[1]], safe=safe), live.address), problems


def _headers(text: str) -> tuple[dict[str, str], str]:
    """Headers by name, and what is wrong with the first line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not _HEADER_NAME.fullmatch(name.strip()):
            return {}, f"line {number} must be `Name: value`"
        if not value.strip().isprintable() or not _is_latin(value):
            return {}, f"line {number} has a letter that no header can carry"
        found[name.strip()] = value.strip()
    return found, ""


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 256 for letter in text)


def code_of_request(request: Request) -> str:
    """The request as a cell: `wb.call(...)`; a header that holds a secret is read from the environment.

    A file is named as it was typed.
    """
    arguments = [json.dumps(f"{request.method} {request.target}")]
    imports = []
    if isinstance(request.body, Path):
        arguments.append(f"data=Path({str(request.body)!r})")
        imports.append("from pathlib import Path")
    elif request.body is not None:
        arguments.append(f"data={_text(request.body)}")
    if request.headers:
        arguments.append(f"headers={{{', '.join(_header_codes(request))}}}")
    if request.secret_headers:
        imports.insert(0, "import os")
    if request.user:
        arguments.append(f"user={request.user!r}")
    line = f"wb.call({', '.join(arguments)})"
    if len(line) > 88 or "\n" in line:
        line = "\n".join(["wb.call(", *(f"    {each}," for each in arguments), ")"])
    return "\n".join([*imports, *([""] if imports else []), line])


def _text(body: str) -> str:
    """A text as code, its lines as lines where nothing in it means something else there."""
    plain = '"""' not in body and "\\" not in body and body.isascii() and not body.endswith('"')
    if "\n" in body and plain and "\r" not in body and all(each.isprintable() for each in body.split("\n")):
        return f'"""{body}"""'
    return repr(body)


def _header_codes(request: Request) -> Iterator[str]:
    hidden = request.secret_headers
    for name, value in request.headers.items():
        yield f"{name!r}: {f'os.environ[{variable_of(name.upper())!r}]' if name in hidden else repr(value)}"
