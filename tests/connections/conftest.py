"""A call of a service, under which connections record their steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connections.surroundings import surroundings
from workbench.core.call import INVOKE, Call
from workbench.core.current import CURRENT


@pytest.fixture
def call() -> Iterator[Call]:
    """The call that this test works for."""
    call = Call("api.sync", None, cid="c", channel=INVOKE, services={}, surroundings=surroundings())
    token = CURRENT.set(call)
    yield call
    CURRENT.reset(token)
