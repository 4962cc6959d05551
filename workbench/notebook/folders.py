"""How a folder that was loaded looks: its files, what is missing, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.app.deploy.folders.imported import FOLLOWS, MOST_NAMES, Differences, FileRow, Imported
from workbench.core.errors import listed
from workbench.notebook.html import chip, code, dot, escape, muted, strong, table


def imported(value: Imported) -> str:
    """The outcome of `wb.load(folder)`."""
    unset = [value.unset_said] if value.unset else []
    parts = [
        f"{dot('live' if value.is_whole else 'bad')} {escape(value.head)}",
        muted(FOLLOWS) if value.follows else "",
        _sentences("Gone", value.gone),
        table(("file", "", "what is in it"), map(_file, value.rows)),
        _sentences("Not live", value.failed),
        _sentences("Missing", value.missing),
        _sentences("Not set", unset),
        _sentences("Left out", value.notes),
        differences(value.differs) if value.differs else "",
    ]
    return "".join(each if each.startswith("<table") else f"<div>{each}</div>" for each in parts if each)


def differences(value: Differences) -> str:
    """What differs from Zato, and why."""
    rows = [(code(row.name), escape(row.differs), code(row.instead) if row.instead else "") for row in value]
    return table(("in Zato", "what differs here", "what to write"), rows)


def _file(row: FileRow) -> Sequence[str]:
    if row.failed:
        how = chip("live in part" if row.brought else "not live", "bad")
    else:
        how = chip("live", "live") if row.brought else chip(row.kind, "calm")
    how += f" {chip(f'{len(row.lacks)} missing', 'warn')}" if row.lacks else ""
    how = f'<span style="white-space:nowrap">{how}</span>'
    return strong(row.file), how, escape(listed(row.brought, at_most=MOST_NAMES)) if row.brought else ""


def _sentences(title: str, said: Sequence[str]) -> str:
    items = "".join(f'<li style="margin:0">{escape(each)}</li>' for each in said)
    return f'{muted(title)}<ul style="margin:0 0 6px 0">{items}</ul>' if items else ""
