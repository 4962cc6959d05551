"""A request as a line for a shell, in which secrets are named and never written."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage
from workbench.core.secret import Secret
from workbench.security.definitions import BasicAuth

LONGEST_BYTES = 64 * 1024
"""The longest body that is written into the line; a shell takes 128 KiB for one word."""
SECRET = re.compile(r"auth|cookie|key|password|secret|token", re.IGNORECASE)
TEXT = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*")


class Sent(NamedTuple):
    """What a request consists of; `body` may be a file, `user` a security definition."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any = None
    user: Definition | None = None


class ShellLine(str):
    """A line for a shell, shown as it is, so that it can be copied from below its cell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def line_of(sent: Sent) -> ShellLine:
    """The line, to be pasted into a shell.

    Raises:
        ServiceUsage: The body cannot be said in a line.
    """
    before, body = _body(sent.body)
    words = ["curl"]
    if sent.method == "HEAD":
        words.append("--head")
    elif sent.method != ("GET" if sent.body is None else "POST"):
        words += ["-X", quote(sent.method)]
    words += _user(sent.user)
    words += _headers(sent)
    words += body
    # Brackets are a range to curl, and /../ is gone before it asks.
    words += ["--globoff"] * ("[" in sent.url) + ["--path-as-is"] * ("/." in sent.url)
    return ShellLine(f"{before}{' '.join(words)} {quote(sent.url)}")


def _user(user: Any) -> Iterator[str]:
    if isinstance(user, BasicAuth):
        yield "--user"
        yield f"{quote(f'{user.username}:')}{_named(user.password)}"
    elif user is not None:
        for name, value in user.credentials(lambda secret, owner: f"\0{_named(secret)}\0").items():
            yield "-H"
            # A kind of user may write its secret into a text, as in `Bearer ...`.
            texts = f"{name}: {value}".split("\0")
            yield "".join(text if place % 2 else quote(text) for place, text in enumerate(texts) if text)


def _named(secret: Secret | str) -> str:
    """`"$MY_SECRET"`: a variable of the shell, called like the secret as far as it may be."""
    assert isinstance(secret, Secret)
    return _variable(secret.name)


def _variable(name: str) -> str:
    return f'"${variable_of(name)}"'


def variable_of(name: str) -> str:
    """The variable that stands for a secret of this name: `X-Key` as `X_Key`."""
    word = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    return word if not word[:1].isdigit() else f"_{word}"


def _headers(sent: Sent) -> Iterator[str]:
    named = {name.lower() for name in sent.headers}
    for name, value in sent.headers.items():
        yield "-H"
        if SECRET.search(name):
            yield f"{quote(f'{name}: ')}{_variable(name.upper())}"
        else:
            # Without a value, `Name:` would take the header away.
            yield quote(f"{name}: {value}" if value else f"{name};")
    if sent.body is not None and "content-type" not in named:
        # Otherwise curl would say that it is a form.
        yield "-H"
        yield "Content-Type:"


def _body(body: Any) -> tuple[str, list[str]]:
    """What comes before curl, and the words that make it send the body."""
    if body is None:
        return "", []
    if not isinstance(body, bytes):
        return "", ["--data-binary", quote(f"@{_path(body)}")]
    if len(body) > LONGEST_BYTES:
        raise ServiceUsage(
            f"A body of {len(body):,} bytes does not fit into a line. "
            f"Fix: write it to a file, and wb.call(..., data=Path('that file'))."
        )
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if TEXT.fullmatch(text):
        return "", ["--data-raw" if text.startswith("@") else "--data-binary", quote(text)]
    return f"echo {base64.b64encode(body).decode()} | base64 -d | ", ["--data-binary", "@-"]


def _path(file: Any) -> Path:
    named = file if isinstance(file, Path) else getattr(file, "name", None)
    if not isinstance(named, str | Path):
        raise ServiceUsage("The body came from a stream without a name. Fix: wb.call(..., data=Path('a file')).")
    return Path(named).absolute()
