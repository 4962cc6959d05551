"""`%%enmasse` cells: definitions as YAML, as a file of them or Zato's enmasse has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.app.singleton import the_workbench
from workbench.core.errors import ServiceUsage

MAGIC = "enmasse"


def register(shell: Any) -> Callable[[], None]:
    """Take `%%enmasse` cells in a shell from now on; returns the call that ends it."""
    shell.register_magic_function(_enmasse, "cell", MAGIC)
    return lambda: shell.magics_manager.magics["cell"].pop(MAGIC, None)


def _enmasse(line: str, cell: str) -> None:
    """`%%enmasse`: the cell's YAML or JSON is put into force; what has no meaning here is told with its line."""
    if line.strip():
        raise ServiceUsage(f"%%{MAGIC} takes nothing beside it, not {line.strip()!r:.80}. Fix: begin a line below it.")
    the_workbench().define_written(cell)
