"""Rules on what a notebook's code does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from workbench.testing.lint.notebook import Finding, Notebook, dotted
from workbench.testing.lint.ways import own_nodes, uses

THREADED = "await asyncio.to_thread(...)"
BLOCKING = {
    **{f"self.crypto.{verb}": THREADED for verb in ("hash_secret", "verify_hash")},
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
