"""Makes `import zato...` find `workbench.zato...` while a workbench is active."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from dis import opmap
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from workbench.core.errors import listed

if TYPE_CHECKING:
    from workbench.core.payload.differences import Difference

PACKAGE = "workbench.zato"
_IMPORT_FROM = opmap["IMPORT_FROM"]


class RealZatoWarning(UserWarning):
    """A real Zato is installed, and the workbench's names take its place."""


class ZatoFinder(MetaPathFinder):
    """Finds `zato` and what is below it in `workbench.zato`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an aliased module; None for anything else."""
        if fullname == "bunch":
            return PathFinder.find_spec(fullname, path) or ModuleSpec(fullname, _Alias(f"{PACKAGE}.bunch"))
        if fullname != "zato" and not fullname.startswith("zato."):
            return None
        ours = PACKAGE + fullname.removeprefix("zato")
        if importlib.util.find_spec(ours) is None:
            known = f"which has {', '.join(sorted(_names()))}"
            said = f"No module named {fullname!r} in the workbench"
            raise ModuleNotFoundError(_sentence(said, known, _row_of(fullname)), name=fullname)
        return ModuleSpec(fullname, _Alias(ours), is_package=True)


class _Alias(Loader):
    """Gives the workbench's module under Zato's name."""

    def __init__(self, ours: str) -> None:
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._ours)
        vars(module)["__getattr__"] = partial(_missing, spec.name, module)
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def _missing(zato_name: str, module: ModuleType, name: str) -> NoReturn:
    """What a module says of a name that it has not: to `from module import name`, what it has."""
    caller = sys._getframe(1)
    if caller.f_code.co_code[caller.f_lasti] != _IMPORT_FROM:
        raise AttributeError(f"module {zato_name!r} has no attribute {name!r}")
    own = (each for each, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__)
    offered = listed(each for each in getattr(module, "__all__", own) if not each.startswith("_"))
    row = _row_of(name) or _row_of(f"{zato_name}.{name}")
    said = f"cannot import name {name!r} from {zato_name!r} in the workbench"
    raise ImportError(_sentence(said, f"which has {offered}", row), name=zato_name)


def _sentence(said: str, offered: str, row: Difference | None) -> str:
    """What is not there: what to write instead where that is known, else what there is."""
    if row is not None:
        return f"{said}: {row.differs}. Fix: {row.instead}"
    return f"{said}, {offered}. Fix: import what it offers, or set WORKBENCH_ZATO=real to use an installed Zato."


def _row_of(name: str) -> Difference | None:
    """What is said of a name, or of the module that it is in."""
    from workbench.core.payload.differences import LACKING  # here, since it costs the start some 3 ms

    while name and name not in LACKING:
        name = name.rpartition(".")[0]
    return LACKING.get(name)


def _names() -> list[str]:
    return [
        *("zato.common", "zato.common.api", "zato.common.exception", "zato.common.json_internal"),
        *("zato.common.marshal_.api", "zato.common.typing_", "zato.common.util", "zato.common.util.api"),
        *("zato.server.service", "zato.server.service.adapter", "zato.server.startup_callable"),
    ]


_finder = ZatoFinder()


def install() -> None:
    """Begin; `WORKBENCH_ZATO=real` leaves an installed Zato alone."""
    if _finder in sys.meta_path or os.environ.get("WORKBENCH_ZATO") == "real":
        return
    if "zato" not in sys.modules and PathFinder.find_spec("zato") is not None:
        warnings.warn(
            "Zato is installed here, and `import zato` gives the workbench's names instead. "
            "Set WORKBENCH_ZATO=real to keep Zato's own.",
            RealZatoWarning,
            stacklevel=2,
        )
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Stop; modules already imported stay as they are."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
