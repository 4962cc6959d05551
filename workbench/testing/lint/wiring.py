"""Rules on how a notebook's services, channels, jobs and connections go together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from workbench.app.deploy.mentions import Mention, mentions
from workbench.connections import catalog
from workbench.testing.lint.notebook import CodeCell, Finding, Notebook, dotted
from workbench.testing.lint.ways import IN_BACKGROUND, INVOKES, Use, uses

CHANNELS = ("RESTChannel", "SOAPChannel", "JSONRPCChannel", "WebSocketChannel")
JOBS = ("IntervalJob", "CronJob", "OneTimeJob")
DELETES = frozenset(
    ("delete", "delete_file", "delete_object", "delete_objects", "files_delete", "files_delete_v2", "remove", "rmtree")
)
DELIVERS = frozenset(
    (
        *("append", "execute", "files_upload", "move", "patch", "post", "publish", "put", "put_object", "rename"),
        *("request", "send", "set", "store", "upload", "upload_fileobj", "write", "write_bytes", "write_text"),
    )
)
"""What connections are told to delete and to take: the words of the workbench, of Zato and of client libraries."""


def undefined_connection(notebook: Notebook) -> Iterator[Finding]:
    """A service uses a connection that no cell defines."""
    if any(notebook.called(call) in ("wb.load", "workbench.wb.load") for call in _calls(notebook)):
        return  # Another file may define it.
    for cell in notebook.cells:
        for mention in mentions(cell.text, notebook.kinds_by_attribute):
            if not _is_defined(mention, notebook):
                cls = next(name for name, kind in notebook.kinds.items() if kind in catalog.members(mention.kind))
                says = f"No cell defines the connection {mention.name!r}. "
                fix = f"Fix: wb.define({cls}({mention.name!r}, ...)), or correct the name."
                yield cell.at(_place(cell, mention.name), "undefined-connection", says + fix)


def _is_defined(mention: Mention, notebook: Notebook) -> bool:
    wanted = catalog.members(mention.kind)
    return any(notebook.kinds.get(each.cls) in wanted and each.name in (mention.name, None) for each in notebook.made)


def _place(cell: CodeCell, name: str) -> ast.Constant:
    return next(each for each in ast.walk(cell.tree) if isinstance(each, ast.Constant) and each.value == name)


def _calls(notebook: Notebook) -> Iterator[ast.Call]:
    for cell in notebook.cells:
        yield from (each for each in ast.walk(cell.tree) if isinstance(each, ast.Call))


def unguarded_channel(notebook: Notebook) -> Iterator[Finding]:
    """A service is open to all, as often as they like: its channel has neither a limit nor a user."""
    limited = {
        (on.value, each.name)
        for each in notebook.of("Limit")
        if isinstance(on := each.told("on"), ast.Constant)  # A limit on a user guards nothing without the user.
    }
    for channel in notebook.of(*CHANNELS):
        service = channel.told("service")
        serves = service.value if isinstance(service, ast.Constant) else dotted(service) if service else channel.name
        guards = {("channel", channel.name), ("channel", None), ("service", serves), ("service", None)}
        if channel.told("security") is None and channel.told("limit") is None and not guards & limited:
            says = f"The channel {channel.name or 'here'!r} takes calls from anyone, as often as they like. "
            where = "on its service" if channel.cls == "WebSocketChannel" else ""
            fix = f'Fix: security="USER", or limit="100/m" {where}'.rstrip() + "."
            yield channel.cell.at(channel.call, "unguarded-channel", says + fix)


def unsaid_missed(notebook: Notebook) -> Iterator[Finding]:
    """A job does not say what becomes of times at which nobody could run it."""
    for job in notebook.of(*JOBS):
        if job.told("missed") is None:
            says = f"The job {job.name or 'here'!r} does not say what becomes of times that it missed. "
            fix = 'Fix: missed="skip", "run_once" (as now) or "run_all".'
            yield job.cell.at(job.call, "unsaid-missed", says + fix)


def early_delete(notebook: Notebook) -> Iterator[Finding]:
    """A service deletes what it has taken before another system has confirmed that it has it."""
    for cell in notebook.cells:
        for node in ast.walk(cell.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found = uses(node)
                for use in found:
                    if use.is_connection and use.verb in DELETES and (why := _too_early(use, found, node)):
                        says = f"{use.verb}() comes {why}: if that fails, what is deleted is nowhere. "
                        fix = "Fix: delete as the last step, once what takes it has returned."
                        yield cell.at(use.call, "early-delete", says + fix)


def _too_early(delete: Use, found: list[Use], function: ast.AST) -> str:
    """What a delete does not wait for; '' if it comes after all, or deletes what was not read."""
    delivered = [use for use in found if _delivers(use, delete)]
    before = [use for use in delivered if use.place < delete.place]
    if not any(use.owner == delete.owner and use.verb not in DELETES | DELIVERS for use in found):
        return ""
    for use in delivered:
        if use.place > delete.place and not _apart(delete.call, use.call, function):
            return f"before {use.verb}() in line {use.call.lineno}"
    if before and all(use.verb in IN_BACKGROUND for use in before):
        return f"while {before[-1].verb}() may still run"
    for each in ast.walk(function):
        if isinstance(each, ast.Try) and before and not _holds([*each.body, *each.orelse], delete.call):
            tried = [use.verb for use in before if _holds(each.body, use.call)]
            goes_on = _holds(each.finalbody, delete.call) or not all(_leaves(one.body) for one in each.handlers)
            if tried and goes_on:
                return f"even if {tried[-1]}() has failed"
    return ""


def _delivers(use: Use, delete: Use) -> bool:
    if not use.is_connection:
        return use.verb in INVOKES
    return use.verb in DELIVERS and use.owner != delete.owner


def _apart(one: ast.AST, other: ast.AST, function: ast.AST) -> bool:
    """Whether an `if` has only one of them run."""
    for each in ast.walk(function):
        if (
            isinstance(each, ast.If)
            and _holds(each.body, one)
            and (_holds(each.orelse, other) or (_leaves(each.body) and not _holds(each.body, other)))
        ):
            return True
    return False


def _leaves(body: list[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)


def _holds(body: list[ast.stmt], node: ast.AST) -> bool:
    return any(node is each for statement in body for each in ast.walk(statement))
