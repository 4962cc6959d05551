"""A REST connection and the peer that it may call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from workbench.connections.definition import Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.core.clock import SystemClock
from workbench.sandbox.http.source import HTTPSource

SECRETS = {"PASSWORD": "pä:ss", "KEY": "k-123", "BROKEN": "k-123\n"}


@pytest.fixture
def source() -> Iterator[HTTPSource]:
    made = HTTPSource("data").start()
    yield made
    made.stop()


@pytest.fixture
def opened() -> Iterator[Callable[..., LiveREST]]:
    with ExitStack() as stack:

        def opens(host: str, **fields: Any) -> LiveREST:
            definition = RESTConnection("My API", host=host, **fields)
            client = definition.open(Opening(lambda wanted, owner: SECRETS[wanted.name], SystemClock()))
            stack.callback(client.close)
            return client

        yield opens
