"""What every storage does with files, on servers as other makes are: the same promises, said in other words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connections.suites.examples import opened
from tests.connections.suites.test_every_storage import conn as conn
from tests.connections.suites.test_every_storage import peer as peer
from tests.connections.suites.test_every_storage import (
    test_a_folder_where_a_file_is_expected_is_said as test_a_folder_where_a_file_is_expected_is_said,
)
from tests.connections.suites.test_every_storage import (
    test_move_gives_another_folder_and_delete_removes as test_move_gives_another_folder_and_delete_removes,
)
from tests.connections.suites.test_every_storage import test_stat_and_exists as test_stat_and_exists
from tests.connections.suites.test_every_storage import test_streams_both_ways as test_streams_both_ways
from tests.connections.suites.test_every_storage import (
    test_what_arrives_at_the_peer_is_listed_by_name as test_what_arrives_at_the_peer_is_listed_by_name,
)
from tests.connections.suites.test_every_storage import test_what_is_not_there_is_said as test_what_is_not_there_is_said
from workbench.connections.files.live import LiveFiles


@pytest.fixture(params=["vsftpd", "proftpd", "iis", "domain", "rfc959"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[LiveFiles, Any]]:
    """An FTP connection and its peer, which speaks as one make does."""
    with opened("ftp") as (conn, peer), peer.fail(dialect=request.param):
        yield conn, peer
