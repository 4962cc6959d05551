"""The IPython extension: turns the workbench on in a kernel, once, and follows its cells."""

from __future__ import annotations

from typing import Any

from workbench.app.singleton import forget, the_workbench
from workbench.notebook import displays, errors
from workbench.notebook.cells import Cells
from workbench.notebook.lines import Greeting
from workbench.runtime import capture
from workbench.zato import hook

_cells: list[Cells] = globals().get("_cells", [])


def load(shell: Any) -> None:
    """Follow the shell's cells; nothing is bound and nothing fires yet."""
    if _cells:
        return
    wb = the_workbench()
    hook.install()
    displays.register(shell)
    errors.register(shell)
    cells = Cells(shell, wb)
    cells.follow()
    _cells.append(cells)
    shell.user_ns_hidden["wb"] = wb
    shell.user_ns.setdefault("wb", wb)


def greet(shell: Any) -> None:
    """Say once that the workbench is on, and start its server; called when a cell first asks for `wb`."""
    load(shell)
    cells = _cells[0]
    if cells.greeted:
        return
    cells.greeted = True
    wb = the_workbench()
    wb.start()
    displays.show(Greeting(wb))


def unload(shell: Any) -> None:
    """Stop the server and leave the kernel as it was."""
    for cells in _cells:
        cells.unfollow()
    _cells.clear()
    errors.unregister(shell)
    shell.user_ns.pop("wb", None)
    shell.user_ns_hidden.pop("wb", None)
    hook.uninstall()
    capture.uninstall()
    forget()
