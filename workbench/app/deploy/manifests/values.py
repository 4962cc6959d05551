"""Values of a definition's fields as a file writes them, and back: secrets by name, text from the environment.

`${NAME}` is the secret NAME where a field wants a secret, else the text that the environment has for NAME; `$${` is
`${` itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from workbench.connections.rest.credentials import SENSITIVE
from workbench.core.definition import holds_secret
from workbench.core.secret import Secret
from workbench.scheduler.runs.extra import as_json

Environ = Callable[[str], str | None]

_PLACEHOLDER = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"((?:[^$]|\$(?![{$]))*)\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Unusable(Exception):
    """A value cannot be that of its field; says why and how to mend it."""


def read(value: Any, kind: Any, environ: Environ) -> Any:
    """The value of a field.

    Args:
        value: Plain data of the file.
        kind: The field's annotated type.
        environ: What the environment has for a name.

    Raises:
        Unusable: It is no value of that type, writes a secret out, or names a variable that is not set.
    """
    if holds_secret(kind):
        return _secret(value)
    if _maps_to_secrets(kind) and isinstance(value, dict):
        return {key: _of_mapping(key, each, environ) for key, each in value.items()}
    filled = _filled(value, environ)
    try:
        # What the environment has is text, whatever the field wants.
        return msgspec.convert(filled, kind, strict=not (isinstance(value, str) and filled != value))
    except msgspec.ValidationError:
        # The definition says what is wrong with it, but for one mistake that only files make.
        if isinstance(value, int | float) and _takes_text(kind):
            said = str(value).lower()
            raise Unusable(f"must be text, and {said} is none. Fix: put it in quotes, as '{said}'.") from None
        return filled


def _takes_text(kind: Any) -> bool:
    return kind is str or any(map(_takes_text, get_args(kind)))


def takes_text_alone(kind: Any) -> bool:
    """Whether a field takes text and nothing else, but for none."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    plain = {get_args(each)[0] if get_origin(each) is Annotated else each for each in kinds}
    return plain - {NoneType} == {str}


def _maps_to_secrets(kind: Any) -> bool:
    """Whether a field holds secrets and plain text by name, as headers do."""
    if get_origin(kind) is dict:
        return any(map(holds_secret, get_args(kind)))
    return any(map(_maps_to_secrets, get_args(kind)))


def _of_mapping(key: str, value: Any, environ: Environ) -> Any:
    """A header or the like: a secret where it names one, and where its own name says that it is one."""
    named = isinstance(value, dict) or (isinstance(value, str) and _SECRET.fullmatch(value))
    return _secret(value) if named or SENSITIVE.fullmatch(key) else _filled(value, environ)


def _secret(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict) and "secret" in value and value.keys() <= {"secret", "prefix"}:
        name, prefix = value["secret"], value.get("prefix", "")
        if isinstance(name, str) and name and isinstance(prefix, str):
            return Secret(name, prefix)
    if isinstance(value, str) and (named := _SECRET.fullmatch(value)):
        return Secret(named[2], named[1])
    raise Unusable("must name a secret, and no file says its value. Fix: write ${NAME}, and set NAME in .env.")


def _filled(value: Any, environ: Environ) -> Any:
    """The value with what the environment has, at any depth."""
    if isinstance(value, dict):
        return {key: _filled(each, environ) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, environ) for each in value]
    return _PLACEHOLDER.sub(lambda found: _one(found, environ), value) if isinstance(value, str) else value


def _one(found: re.Match[str], environ: Environ) -> str:
    if found[1]:
        return found[1]
    text = environ(found[2])
    if text is None:
        fix = f"set {found[2]} in the environment or .env; for the text itself, write $${{{found[2]}}}"
        raise Unusable(f"names the variable {found[2]}, which is not set. Fix: {fix}.")
    return text


def written(value: Any) -> Any:
    """A field's value as plain data that `read` makes the same value of."""
    match value:
        case Secret(name=name, prefix=prefix):
            if _NAME.fullmatch(name) and _SECRET.fullmatch(f"{prefix}${{{name}}}"):
                return f"{prefix}${{{name}}}"
            return {"secret": name} | ({"prefix": prefix} if prefix else {})
        case str():
            return value.replace("${", "$${")
        case Mapping():
            return {str(key): written(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [written(each) for each in value]
        case None | bool() | int() | float():
            return value
    return written(msgspec.to_builtins(value, enc_hook=as_json))
