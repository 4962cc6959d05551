"""Rules on what a notebook's code does, and on secrets in what is saved of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from workbench.testing.lint.notebook import CodeCell, Finding, Notebook, dotted
from workbench.testing.lint.ways import own_nodes, uses

THREADED = "await asyncio.to_thread(...)"
BLOCKING = {
    "time.sleep": "await asyncio.sleep(...)",
    "input": THREADED,
    "os.system": THREADED,
    "socket.create_connection": "await asyncio.open_connection(...)",
    "urllib.request.urlopen": THREADED,
    **{
        f"requests.{verb}": THREADED for verb in ("delete", "get", "head", "options", "patch", "post", "put", "request")
    },
    **{f"httpx.{verb}": THREADED for verb in ("delete", "get", "head", "options", "patch", "post", "put", "request")},
    **{f"subprocess.{verb}": THREADED for verb in ("call", "check_call", "check_output", "run")},
}
"""What holds the loop, on which all async services run, and what does not."""

_UNSEEDED = "random.Random(1), or random.seed(1) in a cell above"
_NOW = "self.time.utcnow() in a service, wb.clock elsewhere"
VARIES = {
    "datetime.date.today": _NOW,
    "datetime.datetime.now": _NOW,
    "datetime.datetime.today": _NOW,
    "datetime.datetime.utcnow": _NOW,
    "os.urandom": "a value of your own",
    "time.time": _NOW,
    "time.time_ns": _NOW,
    "uuid.uuid1": "self.cid in a service",
    "uuid.uuid4": "self.cid in a service",
    **{
        f"random.{verb}": _UNSEEDED
        for verb in ("betavariate", "choice", "choices", "gauss", "getrandbits", "normalvariate", "randbytes")
    },
    **{f"random.{verb}": _UNSEEDED for verb in ("randint", "random", "randrange", "sample", "shuffle", "uniform")},
    **{f"secrets.{verb}": "a value of your own" for verb in ("token_bytes", "token_hex", "token_urlsafe", "choice")},
}
"""What answers differently in each run, and what a test can repeat."""

SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|secret|token|api_?key|access_?key|secret_?key|private_?key)$", re.IGNORECASE
)
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
        r"://[^\s/:@\"'{}<>*\\]{1,200}:[^\s/@\"'{}<>*\\]{1,200}@[^\s/]",  # a URL with a password, RFC 3986, 3.2.1
    )
)
"""What secrets look like; each begins with letters as they are, which are found fast in megabytes of output."""


def blocking_in_async(notebook: Notebook) -> Iterator[Finding]:
    """An `async def` waits without `await`, and so do all other async services."""
    for cell in notebook.cells:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.AsyncFunctionDef):
                for call, mend in _blocking(notebook, node):
                    says = f"{ast.unparse(call.func)}() holds every async service until it returns. Fix: {mend}."
                    yield cell.at(call, "blocking-in-async", says)


def _blocking(notebook: Notebook, function: ast.AsyncFunctionDef) -> Iterator[tuple[ast.Call, str]]:
    for call in own_nodes(function):
        if isinstance(call, ast.Call) and (mend := BLOCKING.get(notebook.called(call))):
            yield call, mend
    for use in uses(function):
        if use.verb == "invoke":
            yield use.call, "await self.invoke.aio(...)"
        elif use.is_connection and not use.is_awaited:
            yield use.call, THREADED if use.owner == "self.kvdb" else f"await conn.aio.{use.verb}(...)"


def non_determinism(notebook: Notebook) -> Iterator[Finding]:
    """Code answers differently in each run, so that neither a test nor a reader can repeat it."""
    seeded = False
    for cell in notebook.cells:
        calls = [each for each in ast.walk(cell.tree) if isinstance(each, ast.Call)]
        seeded = seeded or any(notebook.called(each) == "random.seed" and each.args for each in calls)
        for call in calls:
            name = notebook.called(call)
            if name in VARIES and not (seeded and name.startswith("random.")):
                says = f"{dotted(call.func)}() gives another value in each run. Fix: {VARIES[name]}."
                yield cell.at(call, "non-determinism", says)


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
    for node in ast.walk(cell.tree):
        for name, value in _named(node):
            is_text = isinstance(value, ast.Constant) and isinstance(value.value, str | bytes)
            if is_text and SECRET_NAME.search(name) and not _stands_for_one(value):
                yield cell.at(value, "secret-in-notebook", _secret(f"{name} is", "set another value where it is valid"))


def _stands_for_one(value: ast.expr) -> bool:
    """Whether it is empty, or dots, stars or brackets in place of a value."""
    text = value.value if isinstance(value, ast.Constant) else ""
    return not text or re.fullmatch(r"[*.x ]+|<.*>", str(text)) is not None


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Values with the name that they get."""
    if isinstance(node, ast.Call):
        yield from ((each.arg, each.value) for each in node.keywords if each.arg)
        if dotted(node.func).rpartition(".")[2] == "APIKey":
            yield from (("api_key", each.value) for each in node.keywords if each.arg == "key")
    elif isinstance(node, ast.Assign):
        yield from ((dotted(each).rpartition(".")[2], node.value) for each in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield dotted(node.target).rpartition(".")[2], node.value
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))
