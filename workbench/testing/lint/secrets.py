"""Finds secrets in what is saved of a notebook: by what they look like, and by the name that they are given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from workbench.testing.lint.notebook import CodeCell, Finding, Notebook, dotted

SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|secret|token|api_?key|access_?key|secret_?key|private_?key)$", re.IGNORECASE
)
_SETS = frozenset(("getenv", "putenv", "setdefault", "setenv"))
"""What takes the name of a variable, and then its value or the one to use without it."""
SECRET_VALUES = tuple(
    re.compile(pattern)
    for pattern in (
        r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----",
        r"AKIA[0-9A-Z]{16}\b",  # AWS: identifiers of access keys, IAM user guide
        r"ASIA[0-9A-Z]{16}\b",
        r"gh[pousr]_[A-Za-z0-9]{36}",  # GitHub: token formats
        r"github_pat_\w{40}",
        r"sl\.(?<!\wsl\.)(?:u\.)?[A-Za-z0-9_-]{40}",  # Dropbox: short-lived access tokens
        r"[sr]k_live_[A-Za-z0-9]{16}",  # Stripe: API keys
        r"xox[abprs]-[A-Za-z0-9-]{10}",  # Slack: token types
        r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8}",  # a JSON Web Token, RFC 7519
        r"://[^\s/:@\"'{}<>*\\]{1,200}:[^\s/@\"'{}<>*\\]{1,200}@[^\s/]",  # a URL with a password, RFC 3986, 3.2.1
    )
)
"""What secrets look like; each begins with letters as they are, which are found fast in megabytes of output."""


def secret_in_notebook(notebook: Notebook) -> Iterator[Finding]:
    """A password, key or token stands in a cell, its output or its metadata."""
    if _has_secret(notebook.metadata):
        says = _secret("The notebook's metadata has", "clear it, and the state of widgets in it")
        yield Finding(0, 1, 1, "secret-in-notebook", says)
    typed: dict[int, list[Finding]] = {cell.number: list(_typed(cell)) for cell in notebook.cells}
    for number, cell in enumerate(notebook.written, 1):
        yield from typed.get(number, ())
        places = {each.line for each in typed.get(number, ())}
        for line, text in enumerate(cell.text.splitlines(), 1):
            if _looks_secret(text) and line not in places:
                yield Finding(number, line, line, "secret-in-notebook", _secret("The line has", "move it there"))
        for what, value in (("output", cell.outputs), ("metadata", [cell.metadata, cell.attachments])):
            if _has_secret(value):
                says = _secret(f"The cell's {what} has", f"clear the {what}")
                yield Finding(number, 1, 1, "secret-in-notebook", says)


def _has_secret(value: Any) -> bool:
    return bool(value) and _looks_secret(msgspec.json.encode(value).decode())


def _looks_secret(text: str) -> bool:
    return any(each.search(text) for each in SECRET_VALUES)


def _secret(where: str, more: str) -> str:
    """What to say; never the value."""
    return f'{where} what looks like a secret. Fix: secret("NAME"), whose value is in .env or a keyring; {more}.'


def _typed(cell: CodeCell) -> Iterator[Finding]:
    for name, value in typed_secrets(cell.tree):
        yield cell.at(value, "secret-in-notebook", _secret(f"{name} is", "set another value where it is valid"))


def typed_secrets(tree: ast.AST) -> Iterator[tuple[str, ast.Constant]]:
    """Texts of code that get a name as secrets have, as `password="..."`, with that name."""
    for node in ast.walk(tree):
        for name, value in _named(node):
            if isinstance(value, ast.Constant) and isinstance(value.value, str | bytes) and SECRET_NAME.search(name):
                text = value.value if isinstance(value.value, str) else value.value.decode("latin-1")
                if not stands_for_one(text):
                    yield name, value


def stands_for_one(text: str) -> bool:
    """Whether it is empty, or dots, stars or brackets in place of a value."""
    return not text or re.fullmatch(r"[*.x ]+|<.*>", text) is not None


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Values with the name that they get."""
    if isinstance(node, ast.Call):
        yield from ((each.arg, each.value) for each in node.keywords if each.arg)
        yield from _of_arguments(node)
    elif isinstance(node, ast.Assign):
        yield from ((_target(each), node.value) for each in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield dotted(node.target).rpartition(".")[2], node.value
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((str(key.value).replace("-", "_"), value) for key, value in pairs if isinstance(key, ast.Constant))


def _of_arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Values whose name is another argument, the class, or `auth`, as requests takes user and password."""
    verb = dotted(call.func).rpartition(".")[2]
    if verb == "APIKey":
        yield from (("api_key", each.value) for each in call.keywords if each.arg == "key")
    if verb in _SETS:
        for name, value in zip(call.args, call.args[1:], strict=False):
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value, value
    for each in call.keywords:
        if each.arg == "auth" and isinstance(each.value, ast.Tuple) and len(each.value.elts) == 2:
            yield "password", each.value.elts[1]


def _target(target: ast.expr) -> str:
    """The name, attribute or key that gets a value."""
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return dotted(target).rpartition(".")[2]
