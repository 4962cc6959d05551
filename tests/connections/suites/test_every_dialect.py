"""What every storage does with files, on servers as other makes are: the same promises, said in other words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connections.suites import test_every_storage as promised
from tests.connections.suites.examples import opened
from workbench.connections.files.live import LiveFiles

conn, peer = promised.conn, promised.peer
test_a_file_that_is_there_is_replaced_only_if_that_is_said = (
    promised.test_a_file_that_is_there_is_replaced_only_if_that_is_said
)
test_a_folder_where_a_file_is_expected_is_said = promised.test_a_folder_where_a_file_is_expected_is_said
test_move_gives_another_folder_and_delete_removes = promised.test_move_gives_another_folder_and_delete_removes
test_nobody_sees_a_file_before_it_is_whole = promised.test_nobody_sees_a_file_before_it_is_whole
test_stat_and_exists = promised.test_stat_and_exists
test_streams_both_ways = promised.test_streams_both_ways
test_what_arrives_at_the_peer_is_listed_by_name = promised.test_what_arrives_at_the_peer_is_listed_by_name
test_what_is_not_there_is_said = promised.test_what_is_not_there_is_said


@pytest.fixture(params=["vsftpd", "proftpd", "iis", "domain", "rfc959"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[LiveFiles, Any]]:
    """An FTP connection and its peer, which speaks as one make does."""
    with opened("ftp") as (conn, peer), peer.fail(dialect=request.param):
        yield conn, peer
