"""The private parts of Tornado that we use are there, and they are used in one file alone."""

from __future__ import annotations

import ast
import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

from tests.kernels import ROOT
from workbench.channels.http import tornado_inner

CHANNELS = ROOT / "workbench" / "channels"
ALL = {name for names in tornado_inner.PRIVATE.values() for name in names}


def privates_of(path: Path) -> set[str]:
    """Private attributes that a file reads or sets on anything but `self` and `cls`."""
    return {
        each.attr
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Attribute)
        and each.attr.startswith("_")
        and not each.attr.startswith("__")
        and not (isinstance(each.value, ast.Name) and each.value.id in ("self", "cls"))
    }


@pytest.mark.parametrize("cls", tornado_inner.PRIVATE, ids=lambda cls: cls.__name__)
def test_each_private_attribute_is_still_there(cls: type[Any]) -> None:
    async def make() -> Any:
        left, right = socket.socketpair()
        with right:
            stream = IOStream(left)
            made = {
                IOStream: stream,
                HTTP1Connection: HTTP1Connection(stream, False, HTTP1ConnectionParameters()),
                HTTPServer: HTTPServer(lambda request: None),
            }[cls]
            stream.close()
        return made

    made = asyncio.run(make())
    assert [name for name in tornado_inner.PRIVATE[cls] if not hasattr(made, name)] == []


def test_the_list_of_private_attributes_is_whole() -> None:
    assert privates_of(CHANNELS / "http" / "tornado_inner.py") == ALL


@pytest.mark.parametrize("path", sorted(CHANNELS.rglob("*.py")), ids=lambda path: path.stem)
def test_nobody_else_reaches_into_tornado(path: Path) -> None:
    if path.stem != "tornado_inner":
        assert privates_of(path) & ALL == set()
        if path.parent.name == "http":
            assert privates_of(path) == set()
