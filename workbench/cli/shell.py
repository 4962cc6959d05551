"""The shell that runs a notebook's cells where nobody looks: what cells print is shown, what they display is not."""

from __future__ import annotations

import warnings
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type


class _NoResults(DisplayHook):
    """Keeps a cell's value as `_` and shows nothing."""

    def quiet(self) -> bool:
        return True


class _NoDisplays(DisplayPublisher):
    """Shows nothing."""

    def publish(self, *args: Any, **kwargs: Any) -> None:
        pass


class CellCompiler(CachingCompiler):
    """Calls the code of a cell what a person calls the cell, wherever an error names it: `jobs.ipynb, cell 3`."""

    cell = ""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return self.cell or super().get_code_name(raw_code, transformed_code, number)

    def format_code_name(self, name: str) -> None:
        """Let IPython call the cell so, too."""


class ServedShell(InteractiveShell):
    """Errors are told by whoever runs the cells, in one sentence."""

    compiler_class = Type(CellCompiler)

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        pass

    showsyntaxerror = showindentationerror = showtraceback

    def ask_exit(self) -> None:
        """Do what `exit()` and `quit()` ask for in a cell: end, as in a script."""
        raise SystemExit


def served_shell() -> Any:
    """The shell of this process."""
    shell: Any = ServedShell.instance(
        colors="NoColor",
        history_load_length=0,
        displayhook_class=_NoResults,
        display_pub_class=_NoDisplays,
    )
    # IPython's advice to a person at a prompt, when a cell says sys.exit().
    warnings.filterwarnings("ignore", message="To exit: use", category=UserWarning)
    shell.history_manager.enabled = False
    shell.user_module.__name__ = "__main__"
    return shell
