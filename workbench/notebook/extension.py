"""The IPython extension: turns the workbench on in a kernel, once, and follows its cells."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from workbench.app.deploy.at_hand import at_hand
from workbench.app.singleton import forget, restart, the_workbench
from workbench.core.failure import CODE_NAMES
from workbench.core.ports import WIDGETS
from workbench.notebook import completing, displays, errors, inspecting, written
from workbench.notebook.cells import Cells, runs_a_cell
from workbench.notebook.lines import Greeting
from workbench.runtime import capture
from workbench.runtime.waking import wake_on_signals
from workbench.testing import cell_tests
from workbench.ui import front
from workbench.ui.carriers.page import open_page
from workbench.zato import hook

NAME = "workbench"
Magic = Callable[[str], Any]
_cells: list[Cells] = globals().get("_cells", [])
_former: list[Magic] = globals().get("_former", [])
_ends: list[Callable[[], object]] = globals().get("_ends", [])


def load(shell: Any) -> None:
    """Follow the shell's cells; nothing is bound and nothing fires yet. In a cell (`%load_ext`), say so.

    In the Workbench kernel every public name of the package is at hand, so that a notebook needs no import.
    """
    _follow(shell)
    if os.environ.get("WORKBENCH_KERNEL"):
        put_at_hand(shell)
    if runs_a_cell():
        greet(shell)


def _follow(shell: Any) -> None:
    if _cells:
        return
    # Before the workbench is made: its startup callables import Zato's names.
    hook.install()
    wb = the_workbench()
    displays.register(shell)
    open_page(wb)
    errors.register(shell)
    cells = Cells(shell, wb, partial(greet, shell), _start_anew)
    cells.follow()
    _cells.append(cells)
    _ends.extend((CODE_NAMES.follow(partial(_cell_name, shell)), _put_command_on_path()))
    _ends.extend((completing.register(shell, wb), inspecting.register(shell), cell_tests.register(shell)))
    _ends.append(written.register(shell))
    _ends.append(WIDGETS.made_by(partial(displays.widget_of, shell)))
    _ends.append(front.answer_views(shell, lambda: displays.desk(the_workbench())))
    _interrupt_at_once(shell)
    _watch_load_ext(shell)
    shell.extension_manager.loaded.add(NAME)
    shell.user_ns_hidden["wb"] = wb
    shell.user_ns.setdefault("wb", wb)


def _start_anew() -> str:
    """Start the workbench anew, and have what shows it go on; says what is back."""
    wb = the_workbench()
    with front.made_anew(wb):
        return restart(lambda: open_page(wb))


def put_at_hand(shell: Any) -> None:
    """Give the shell's cells the public names of the package; what has such a name already keeps it."""
    new = {name: value for name, value in at_hand().items() if name not in shell.user_ns}
    shell.user_ns.update(new)
    shell.user_ns_hidden.update(new)
    _ends.append(lambda: _take_away(shell, new))


def _take_away(shell: Any, names: Mapping[str, Any]) -> None:
    """Take names away that still stand for what they were given."""
    for name, value in names.items():
        for kept in (shell.user_ns, shell.user_ns_hidden):
            if kept.get(name) is value:
                del kept[name]


def _cell_name(shell: Any, file: str) -> str | None:
    """What IPython calls the cell whose code has this file, as tracebacks under a cell do: `Cell In[12]`."""
    found = shell.compile.format_code_name(file)
    return " ".join(found) if found else None


def _put_command_on_path() -> Callable[[], object]:
    """Have `!workbench` find the command where the environment was not activated; returns the call that ends it."""
    former, folder = os.environ.get("PATH", os.defpath), Path(sys.executable).parent
    if shutil.which(NAME) is not None or shutil.which(NAME, path=str(folder)) is None:
        return lambda: None
    # Behind all others: what `!python` and `!pip` mean stays as it was.
    now = os.environ["PATH"] = f"{former}{os.pathsep}{folder}"

    def end() -> None:
        if os.environ.get("PATH") == now:
            os.environ["PATH"] = former

    return end


def _interrupt_at_once(shell: Any) -> None:
    """Have a signal wake the kernel's loop; from its first cell on, since it may not run yet."""

    def begin(*_: Any) -> None:
        if current_thread() is not main_thread():
            return  # a subshell's, to which no signal comes
        with suppress(RuntimeError):  # no loop runs, as in a terminal
            _ends.append(wake_on_signals(asyncio.get_running_loop()))
            shell.events.unregister("pre_run_cell", begin)

    shell.events.register("pre_run_cell", begin)
    begin()


def _watch_load_ext(shell: Any) -> None:
    """Answer `%load_ext workbench` with the greeting, not with IPython's "already loaded"."""
    former = shell.find_line_magic("load_ext")

    def load_ext(line: str) -> Any:
        return greet(shell) if line.strip() == NAME else former(line)

    load_ext.__doc__ = former.__doc__
    shell.register_magic_function(load_ext, "line", "load_ext")
    _former.append(former)


def greet(shell: Any) -> None:
    """Start the server and say where the workbench is, once, and under the same cell when it runs again."""
    _follow(shell)
    wb = the_workbench()
    wb.start()
    if _cells[0].is_first_to_greet():
        displays.show(Greeting(wb))


def unload(shell: Any) -> None:
    """Stop the server and leave the kernel as it was."""
    wb = the_workbench()
    front.close_cards()
    for cells in _cells:
        cells.unfollow()
    _cells.clear()
    while _ends:
        _ends.pop()()
    while _former:
        shell.register_magic_function(_former.pop(), "line", "load_ext")
    shell.extension_manager.loaded.discard(NAME)
    errors.unregister(shell)
    displays.unregister(shell)
    for names in (shell.user_ns, shell.user_ns_hidden):
        if names.get("wb") is wb:
            del names["wb"]
    hook.uninstall()
    capture.uninstall()
    forget()
