"""The workbenches that run on this machine: which there are, and the page of each."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from workbench.app.serving.asking import page_of
from workbench.app.serving.choosing import chosen
from workbench.app.serving.runtime_file import running
from workbench.ui.desk import Content, Desk, Tell, Verb


def running_here(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The workbenches that run on this machine, newest first: name, file, address, whether it is this one, and `app`,
    by which it is found: its file, or its process where others run the same file.
    """
    found = running()
    times = Counter(each.path for each in found)
    return {
        "running": [
            {"name": each.name, "file": each.path, "pid": each.pid, "url": each.url, "here": each.pid == os.getpid()}
            | {"app": each.path if times[each.path] == 1 else str(each.pid)}
            for each in found
        ]
    }


def running_page(desk: Desk, message: Content, tell: Tell) -> dict[str, Any]:
    """The address of one's page, with a code that logs in once."""
    return {"url": page_of(chosen(str(message["app"])))["url"]}


RUNNING: dict[str, Verb] = {"running": running_here, "running page": running_page}
"""What the side panel may ask for about all of them."""
