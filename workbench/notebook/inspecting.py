"""What `?` says of the workbench and of definitions: how to write them, and each field in its author's words."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from inspect import cleandoc
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import NODEFAULT, Meta, structs

from workbench.app.help import page
from workbench.app.workbench import Workbench
from workbench.core.definition import Definition, field_types
from workbench.core.source import literal

NAMES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "True or False",
    "Secret": 'secret("NAME")',
}


def text_of(value: Any) -> str | None:
    """The page of a workbench or of a kind of definition; None for anything else, which IPython tells."""
    if isinstance(value, Workbench):
        return f"{value!r}\n\n{page().text}"
    if isinstance(value, type) and issubclass(value, Definition):
        return _of_class(value)
    return None


def _of_class(cls: type[Definition]) -> str:
    fields = structs.fields(cls)
    kinds = field_types(cls)
    given = [each.name for each in fields if each.default is NODEFAULT and each.default_factory is NODEFAULT]
    others = [f"{each.name}={_default(each)}" for each in fields if each.name not in given]
    required = [each if each == "name" else f"{each}=..." for each in given]
    lines = [f"{each.name}: {_words(kinds[each.name])}{_description(kinds[each.name])}" for each in fields]
    doc = cleandoc(vars(cls).get("__doc__") or cls.kind)
    signature = _wrapped(f"{cls.__name__}(", [*required, *others])
    return "\n".join([signature, "", doc, "", *(f"    {each}" for each in lines)])


def _wrapped(head: str, arguments: list[str]) -> str:
    """A call on one line, or with as many arguments a line as fit."""
    lines, indent = [head], " " * 4
    for number, each in enumerate(arguments):
        piece = each + (", " if number < len(arguments) - 1 else ")")
        if len(lines[-1]) + len(piece.rstrip()) > 100:
            lines.append(indent)
        lines[-1] += piece
    return "\n".join(each.rstrip() for each in lines)


def _default(field: structs.FieldInfo) -> str:
    if field.default_factory is NODEFAULT:
        return literal(field.default, one_line=True)
    factory: Any = field.default_factory
    return literal(factory(), one_line=True)


def _words(kind: Any) -> str:
    """A type as a person says it: `int`, `"json" or "form"`, `secret("NAME"), text or None`."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _words(get_args(kind)[0])
    if origin is Literal:
        return " or ".join(literal(each) for each in get_args(kind))
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_words, get_args(kind))))
    if kind in (None, type(None)):
        return "None"
    name = str((origin or kind).__name__)
    return NAMES.get(name, name)


def _description(kind: Any) -> str:
    said = _metas(kind)
    words = next((each.description for each in said if each.description), "")
    bounds = [f"at least {each.ge}" for each in said if each.ge is not None]
    bounds += [f"over {each.gt}" for each in said if each.gt is not None]
    bounds += [f"at most {each.le}" for each in said if each.le is not None]
    return f"{', ' if bounds else ''}{', '.join(bounds)}{f'. {words}' if words else ''}"


def _metas(kind: Any) -> list[Meta]:
    """What is said of a type, and of those that it is a choice of."""
    if get_origin(kind) not in (Annotated, Union, UnionType):
        return []
    said = [each for each in get_args(kind) if isinstance(each, Meta)]
    return said + [meta for each in get_args(kind) if not isinstance(each, Meta) for meta in _metas(each)]


def register(shell: Any) -> Callable[[], object]:
    """Have `?` and Shift-Tab say so in a shell; returns the call that ends it."""
    try:
        from IPython.core.oinspect import InspectorHookData
    except ImportError:  # before IPython 8.22, whose hooks take something else
        return lambda: None
    hooks = shell.inspector.mime_hooks

    def plain(asked: InspectorHookData) -> Any:
        said = text_of(asked.obj)
        return None if said is None else [("Usage", said)]

    def html(asked: InspectorHookData) -> Any:
        said = text_of(asked.obj)
        return None if said is None else [("Usage", f"<pre>{escape(said)}</pre>")]

    added = {"text/plain": plain, "text/html": html}
    hooks.update(added)

    def end() -> None:
        for mime, hook in added.items():
            if hooks.get(mime) is hook:
                del hooks[mime]

    return end
