"""The extra of a job: text, bytes or JSON, as it is defined, kept, shown in a form, and seen by a service."""

from __future__ import annotations

import base64
import binascii
from copy import deepcopy
from typing import Any

import msgspec

LONGEST = 500_000
"""Characters of a text, bytes, or bytes of JSON as it is written."""

IN_JSON = "$base64"
"""The one key of the dict that bytes are in JSON, which has no word for them."""

Extra = str | bytes | dict[str, Any] | list[Any]


class Octets(bytes):
    """Bytes that JSON can carry."""

    def __repr__(self) -> str:
        return repr(bytes(self))


def as_json(value: Any) -> Any:
    """The encoder's hook for bytes of an extra; raises TypeError for anything else."""
    if not isinstance(value, Octets):
        raise TypeError(f"a {type(value).__name__} cannot be kept as JSON")
    return {IN_JSON: base64.b64encode(value).decode()}


def kept(given: Any) -> Any:
    """What a definition holds of what it was given: a copy of its own; what is no extra stays as it is.

    A dict whose only key is `$base64` is the bytes that its value stands for, since they are kept so.
    """
    if isinstance(given, bytes):
        return Octets(given)
    if isinstance(given, dict) and given.keys() == {IN_JSON} and isinstance(given[IN_JSON], str):
        try:
            return Octets(base64.b64decode(given[IN_JSON], validate=True))
        except (binascii.Error, ValueError):
            return given
    if isinstance(given, dict | list):
        try:
            return deepcopy(given)
        except Exception:
            return given  # `problem` says why
    return given


def problem(extra: Any) -> str:
    """What is wrong with an extra, or nothing."""
    if not isinstance(extra, str | bytes | dict | list):
        return f"must be text, bytes, a dict or a list, not {type(extra).__name__}"
    length = len(extra)
    if isinstance(extra, dict | list):
        try:
            written = msgspec.json.encode(extra)
            # Equal after the way through the store, so that a restart changes nothing.
            is_json = msgspec.json.decode(written) == extra
        except (TypeError, ValueError, OverflowError, RecursionError):
            is_json, written = False, b""
        if not is_json:
            return "must hold what JSON holds: text as keys; text, numbers, True, False, None, lists and dicts"
        length = len(written)
    return f"is {length:,} long; at most {LONGEST} characters or bytes fit" if length > LONGEST else ""


def as_text(extra: Extra) -> str:
    """An extra as a form shows it: JSON as such, bytes as UTF-8 text, with `\\xff` for what is none.

    Lines end in `\\n`, as in a browser's form.
    """
    if isinstance(extra, dict | list):
        return msgspec.json.format(msgspec.json.encode(extra), indent=2).decode()
    text = extra.decode("utf-8", "backslashreplace") if isinstance(extra, bytes) else extra
    return text.replace("\r\n", "\n").replace("\r", "\n")


def as_request(extra: Extra) -> Extra:
    """An extra as a service sees it as `self.request.raw_request`; changing it changes no definition."""
    if isinstance(extra, str):
        return extra
    return bytes(extra) if isinstance(extra, bytes) else deepcopy(extra)


def parsed(extra: Extra) -> Any:
    """The payload: a JSON object or array that is text or bytes is parsed, as a request's body; None for any other."""
    if not extra or not isinstance(extra, str | bytes):
        return None
    try:
        found = msgspec.json.decode(extra)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None
