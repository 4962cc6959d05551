"""Which kinds of definitions a file may hold: each by its class's name, as in code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any, cast

from workbench.connections import catalog
from workbench.core.definition import Definition
from workbench.core.errors import UnknownName

MODULES: Mapping[str, str] = {
    "BasicAuth": "workbench.security.definitions",
    "APIKey": "workbench.security.definitions",
    "Cache": "workbench.caching.definition",
    "RESTChannel": "workbench.channels.rest",
    "SOAPChannel": "workbench.channels.soap",
    "JSONRPCChannel": "workbench.channels.json_rpc",
    "WebSocketChannel": "workbench.channels.websocket.channel",
    "FileChannel": "workbench.channels.files.channel",
    "Limit": "workbench.limiting.definition",
    "OneTimeJob": "workbench.scheduler.definitions",
    "IntervalJob": "workbench.scheduler.definitions",
    "CronJob": "workbench.scheduler.definitions",
}
"""What each room defines, imported when it is asked for; connections have a catalog, and further kinds are known once
they are imported."""

_OURS = "workbench."


def kinds() -> dict[str, Callable[[], type[Definition]]]:
    """What gives the class of each kind, by the class's name."""
    found: dict[str, Callable[[], type[Definition]]] = {
        name: partial(_imported, module, name) for name, module in MODULES.items()
    }
    found |= {row.cls: partial(catalog.definition_class, row.kind) for row in catalog.rows().values()}
    # Of a class whose cell has run again, the newest.
    return found | {cls.__name__: partial(_same, cls) for cls in below(Definition) if _is_elsewheres(cls)}


def kind_of(name: str) -> type[Definition]:
    """The class of a kind; raises UnknownName."""
    if name not in (found := kinds()):
        raise UnknownName("kind of definition", name, found)
    return found[name]()


def _imported(module: str, name: str) -> type[Definition]:
    return cast(type[Definition], getattr(import_module(module), name))


def _same(cls: type[Definition]) -> type[Definition]:
    return cls


def _is_elsewheres(cls: type[Definition]) -> bool:
    """Whether a person or another distribution has written a class, and nobody derives a further one from it."""
    return bool(cls.collection) and not cls.__module__.startswith(_OURS) and not cls.__subclasses__()


def below(cls: Any) -> Iterator[Any]:
    """Every class derived from one, in the order in which they were made."""
    for each in cls.__subclasses__():
        yield each
        yield from below(each)
