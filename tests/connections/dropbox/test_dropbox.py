"""Dropbox connections against the Dropbox peer; what every storage does is in suites/test_every_storage.py."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dropbox
import pytest
from dropbox.exceptions import ApiError, AuthError, RateLimitError

from tests.connections.suites.examples import EXAMPLES, opened
from workbench.connections.common.errors import Refused
from workbench.connections.common.trying import Due
from workbench.connections.definition import Opening
from workbench.connections.dropbox.backend import DropboxBackend
from workbench.connections.dropbox.definition import DropboxConnection
from workbench.connections.dropbox.errors import NoToken, RateLimited, TokenRefused
from workbench.connections.dropbox.hash import ContentHash
from workbench.connections.dropbox.live import LiveDropbox
from workbench.connections.files.errors import FileThere, Interrupted, NoSuchFile, StorageFull, UnsafeName
from workbench.core.call import Call
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition, ServiceUsage
from workbench.core.secret import PlainSecretWarning, give, given, secret
from workbench.sandbox.dropbox.server import DropboxServer
from workbench.sandbox.http.source import HTTPSource

# The SDK of today reads the time of a token's end by a function that Python 3.12 and later speak against.
SDK_READS_THE_CLOCK = r"ignore:datetime\.datetime\.utcnow\(\) is deprecated:DeprecationWarning:dropbox\.dropbox_client"
MIB = 1 << 20
BIG = bytes(range(256)) * 4 * 1024 * 21


@pytest.fixture
def both() -> Iterator[tuple[LiveDropbox, DropboxServer]]:
    with opened("dropbox") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveDropbox, DropboxServer]) -> LiveDropbox:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveDropbox, DropboxServer]) -> DropboxServer:
    return both[1]


def routes(peer: DropboxServer) -> list[str]:
    return [each.verb for each in peer.asked]


def test_the_client_is_the_official_one(conn: LiveDropbox, peer: DropboxServer) -> None:
    assert type(conn.client) is dropbox.Dropbox
    assert conn.client is conn.client
    conn.client.files_upload(b"contents", "/my-file.txt")
    assert dict(peer.files) == {"my-file.txt": b"contents"}
    assert peer.user_agents[-1].startswith("workbench-tests/1.0/")


def test_nothing_is_asked_before_the_first_use(peer: DropboxServer) -> None:
    assert routes(peer) == []


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        DropboxConnection("d", user_agent="", max_retries_on_rate_limit=99, api_url="ftp://x")
    assert set(refused.value.problems) == {"user_agent", "max_retries_on_rate_limit", "api_url"}
    with pytest.raises(InvalidDefinition, match="user_agent is missing"):
        DropboxConnection("d")
    with pytest.raises(InvalidDefinition) as refused:
        DropboxConnection("d", user_agent="x", refresh_token=secret("R"), default_directory="../up")
    assert set(refused.value.problems) == {"app_key", "default_directory"}


def test_the_client_leaves_a_step_with_route_path_and_outcome(conn: LiveDropbox, call: Call) -> None:
    conn.client.files_upload(b"12 bytes....", "/a.txt")
    conn.client.files_list_folder("")
    with pytest.raises(ApiError):
        conn.client.files_get_metadata("/no.txt")
    assert [step.describe() for step in call.step.steps] == [
        "Dropbox My Dropbox files/upload /a.txt 12 bytes",
        "Dropbox My Dropbox files/list_folder ok",
        "Dropbox My Dropbox files/get_metadata /no.txt 409 path/not_found/..",
    ]


def test_small_files_take_one_request_large_ones_a_session(
    conn: LiveDropbox, peer: DropboxServer, tmp_path: Path
) -> None:
    conn.upload("small.bin", b"x" * 1000)
    assert routes(peer) == ["files/upload"]
    peer.asked.clear()
    told: list[int] = []
    (tmp_path / "big.bin").write_bytes(BIG)
    info = conn.upload("big.bin", tmp_path / "big.bin", progress=told.append)
    assert info.size == len(BIG) == 21 * MIB
    assert told == [8 * MIB, 16 * MIB, 21 * MIB]
    assert routes(peer) == [
        "files/upload_session/start",
        "files/upload_session/append_v2",
        "files/upload_session/finish",
    ]
    assert peer.files["big.bin"] == BIG
    assert conn.digest("big.bin") == ContentHash(BIG).hexdigest()
    with conn.open("big.bin") as stream:
        assert stream.read() == BIG


def test_the_modes_of_an_upload(conn: LiveDropbox, peer: DropboxServer) -> None:
    conn.upload("a.txt", b"1", "add")
    with pytest.raises(FileThere):
        conn.upload("a.txt", b"1", "add")
    rev = conn.client.files_get_metadata("/a.txt").rev
    conn.upload("a.txt", io.BytesIO(b"2"))
    with pytest.raises(FileThere):
        conn.upload("a.txt", b"3", f"rev:{rev}")
    conn.upload("a.txt", b"3", f"rev:{conn.client.files_get_metadata('/a.txt').rev}")
    assert peer.files["a.txt"] == b"3"
    with pytest.raises(ServiceUsage, match="mode is 'add'"):
        conn.upload("a.txt", b"4", "append")


def test_the_default_directory_is_the_root_of_the_file_methods() -> None:
    with opened("dropbox", default_directory="/team/in") as (conn, peer):
        assert conn.list() == []
        conn.write("a.txt", b"1")
        assert list(peer.files) == ["team/in/a.txt"]
        assert conn.listdir() == ["a.txt"]
        with pytest.raises(UnsafeName):
            conn.read("../b.txt")
        conn.client.files_upload(b"2", "/b.txt")
        assert list(peer.files) == ["b.txt", "team/in/a.txt"]


def test_a_name_that_dropbox_refuses_is_said(conn: LiveDropbox) -> None:
    with pytest.raises(UnsafeName, match="no name that Dropbox allows"):
        conn.write("in/desktop.ini", b"x")


def test_an_expired_token_is_said_with_its_fix_and_can_be_changed(conn: LiveDropbox, peer: DropboxServer) -> None:
    with peer.fail(expired_token=True):
        with pytest.raises(TokenRefused, match=r"Dropbox 'My Dropbox': its token has expired. Fix: conn.change_token"):
            conn.list()
        with pytest.raises(AuthError):
            conn.client.files_list_folder("")
    with peer.fail(revoked_token=True), pytest.raises(TokenRefused, match="not valid, or was revoked"):
        conn.write("a.txt", b"1")
    with peer.fail(missing_scope="files.metadata.read"), pytest.raises(TokenRefused, match="'files.metadata.read'"):
        conn.list()
    before = conn.client
    give("ANOTHER_TOKEN", "another")
    conn.change_token(secret("ANOTHER_TOKEN"))
    assert conn.client is not before
    conn.write("a.txt", b"1")
    with pytest.warns(PlainSecretWarning):
        conn.change_token("plain")
    assert conn.listdir() == ["a.txt"]
    with pytest.raises(ServiceUsage, match="needs a token"):
        conn.change_token("")


def test_a_connection_without_a_token_says_so_outside_the_sandbox() -> None:
    live = DropboxConnection("d", user_agent="x").open(Opening(lambda secret, owner: "", SystemClock()))
    with pytest.raises(NoToken, match="Dropbox 'd' has no token yet. Fix: token=secret"):
        live.list()


# The SDK asks for the time in a way that Python 3.12 calls deprecated.
@pytest.mark.filterwarnings(SDK_READS_THE_CLOCK)
def test_a_refresh_token_gets_new_tokens_by_itself() -> None:
    fields = {"token": None, "refresh_token": secret("R"), "app_key": "k", "app_secret": secret("S")}
    fields["scope"] = ["files.content.write", "account_info.read"]
    with opened("dropbox", **fields) as (conn, peer), peer.fail(expired_token=True):
        conn.write("a.txt", b"1")
        assert routes(peer) == ["oauth2/token", "files/upload"]
        assert repr(peer.asked[0]) == "oauth2/token / files.content.write account_info.read"


def test_a_rate_limit_is_obeyed_and_bounded(conn: LiveDropbox, peer: DropboxServer) -> None:
    began = time.monotonic()
    with peer.fail(status=429, retry_after_seconds=1, times=1):
        conn.write("a.txt", b"1")
    assert time.monotonic() - began >= 1
    assert routes(peer) == ["files/upload", "files/upload"]
    with peer.fail(status=429, retry_after_seconds=3600):
        with pytest.raises(RateLimited, match="wants 3600 s before the next call"):
            conn.list()
        with pytest.raises(RateLimitError):
            conn.client.files_list_folder("")
    # Each asked once: nobody sleeps for an hour, and nobody asks sooner than told.
    assert routes(peer)[2:] == ["files/list_folder", "files/list_folder"]


def test_a_server_error_is_tried_again_a_bounded_number_of_times() -> None:
    with opened("dropbox", max_retries_on_error=2) as (conn, peer):
        with peer.fail(status=503, times=2):
            conn.write("a.txt", b"1")
        with peer.fail(status=503), pytest.raises(ConnectionFailed, match="answered 503 to every try"):
            conn.list()
        assert len(peer.asked) == 3 + 3


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("size", [10, 9 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("fault", [{"hang_up": True}, {"hang_up_after_bytes": 0}], ids=["unheard", "unanswered"])
@pytest.mark.parametrize("overwrite", [True, False])
def test_an_upload_survives_a_server_that_hangs_up(
    conn: LiveDropbox, peer: DropboxServer, times: int, size: int, fault: dict[str, Any], overwrite: bool
) -> None:
    peer.fail(**fault, times=times)
    conn.write("a.bin", BIG[:size], overwrite=overwrite)
    assert dict(peer.files) == {"a.bin": BIG[:size]}


def test_a_stream_survives_it_too(conn: LiveDropbox, peer: DropboxServer) -> None:
    with conn.open("a.bin", "wb") as stream:
        stream.write(BIG[: 10 * MIB])
        peer.fail(hang_up_after_bytes=0, times=1)
        stream.write(BIG[10 * MIB :])
    assert peer.files["a.bin"] == BIG
    peer.fail(cut_body_after_bytes=5 * MIB, times=2)
    assert conn.read("a.bin") == BIG


def test_what_dropbox_keeps_must_be_what_was_sent(conn: LiveDropbox, peer: DropboxServer) -> None:
    with peer.fail(wrong_hash=True, times=1):
        conn.write("a.txt", b"1")
    assert dict(peer.files) == {"a.txt": b"1"}
    with (
        peer.fail(wrong_hash=True),
        pytest.raises(Interrupted, match="something else at 'b.txt' than the 1 byte"),
    ):
        conn.write("b.txt", iter([b"1"]))
    assert list(peer.files) == ["a.txt"]


@pytest.mark.parametrize("size", [1, 9 * MIB], ids=["small", "large"])
def test_what_was_there_before_comes_back_if_dropbox_keeps_something_else(
    conn: LiveDropbox, peer: DropboxServer, size: int
) -> None:
    peer.put("a.bin", b"what was there before")
    with peer.fail(wrong_hash=True, times=1), pytest.raises(Interrupted, match="something else at 'a.bin'"):
        conn.write("a.bin", iter([BIG[:size]]), overwrite=True)
    assert dict(peer.files) == {"a.bin": b"what was there before"}


def test_what_was_deleted_before_does_not_come_back_with_it(conn: LiveDropbox, peer: DropboxServer) -> None:
    conn.write("a.txt", b"deleted")
    conn.delete("a.txt")
    with peer.fail(wrong_hash=True, times=1), pytest.raises(Interrupted):
        conn.write("a.txt", iter([b"new"]), overwrite=True)
    assert dict(peer.files) == {}


def test_of_two_who_move_one_file_onto_a_name_the_later_one_takes_nothing_away(
    conn: LiveDropbox, peer: DropboxServer
) -> None:
    peer.put("in/a.txt", b"new")
    backend = conn.backend

    class Faster(DropboxBackend):
        """Has somebody else move the file between two of its requests."""

        def remove(self, path: str, due: Due) -> None:
            backend.rename("in/a.txt", "other.txt", True, due)
            super().remove(path, due)

    peer.put("done/a.txt", b"what was there before")
    with pytest.raises(NoSuchFile):
        Faster(backend.account).rename("in/a.txt", "done/a.txt", True, Due(10))
    assert dict(peer.files) == {"other.txt": b"new", "done/a.txt": b"what was there before"}


def test_a_full_account_is_said(conn: LiveDropbox, peer: DropboxServer) -> None:
    with peer.fail(quota_bytes=100), pytest.raises(StorageFull, match=r"has no room for 'a.bin' \(101 bytes\)"):
        conn.write("a.bin", b"x" * 101)


def test_garbage_and_other_servers_are_no_dropbox(conn: LiveDropbox, peer: DropboxServer) -> None:
    with peer.fail(garbage=True, times=1):
        conn.write("a.txt", b"1")
    with peer.fail(status=404), pytest.raises(ConnectionFailed):
        conn.list()
    with peer.fail(status=301), pytest.raises(ConnectionFailed):
        conn.list()


def test_under_tls_only_the_right_name_and_authority_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    # What the environment names must not win over the definition.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    peer = DropboxServer("d", encrypted=True).start()
    opening = Opening(lambda secret, owner: given(secret.name) or "", SystemClock())
    try:
        pointed = peer.stand_in(EXAMPLES["dropbox"])
        live = pointed.open(opening)
        live.write("a.txt", b"1")
        assert live.read("a.txt") == b"1"
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(ConnectionFailed, match=r"certificate that cannot be trusted.*Fix: ca_file="):
            pointed.replace(ca_file=None).open(opening).list()
    finally:
        peer.stop()


def test_ping_has_the_token_checked(conn: LiveDropbox, peer: DropboxServer) -> None:
    assert conn.ping() == "token accepted"
    assert routes(peer) == ["check/user"]
    once = EXAMPLES["dropbox"].replace(api_url=peer.url, max_retries_on_error=0)
    live = once.open(Opening(lambda secret, owner: "x", SystemClock()))
    with peer.fail(refuse=True), pytest.raises(ConnectionFailed, match="cannot be reached"):
        live.ping()


def test_async_services_are_told_what_to_await(conn: LiveDropbox, call: Call) -> None:
    import asyncio

    call.on_loop = True

    async def handle() -> list[str]:
        with pytest.raises(ServiceUsage, match="would block the server. Fix: await asyncio.to_thread"):
            conn.client.files_list_folder("")
        await conn.aio.upload("a.txt", b"1")
        return [info.name for info in await conn.aio.list()]

    assert asyncio.run(handle()) == ["a.txt"]


def test_the_hash_is_dropboxs_own() -> None:
    from dropbox.content_hash import content_hash

    for contents in (b"", b"x", BIG, BIG[: 4 * MIB], BIG[: 8 * MIB + 1]):
        assert ContentHash(contents).hexdigest() == content_hash(contents)
    whole = ContentHash(BIG)
    assert whole.of_piece(8 * MIB, 16 * MIB) == content_hash(BIG[8 * MIB : 16 * MIB])
    assert whole.of_piece(16 * MIB) == content_hash(BIG[16 * MIB :])


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_file_follows_no_redirect_to_another_host(status: int) -> None:
    first, other = HTTPSource("first").start(), HTTPSource("other").start()
    first.reply("/2/files/upload", status=status, headers={"Location": f"{other.url}/2/files/upload?x=4711"})
    given = {"user_agent": "t/1", "api_url": first.url, "token": secret("TOKEN")}
    conn = DropboxConnection("My Dropbox", **given).open(Opening(lambda wanted, owner: "t-1", SystemClock()))
    try:
        for act in (
            lambda: conn.write("a.txt", b"body-4711"),
            lambda: conn.client.files_upload(b"body-4711", "/a.txt"),
        ):
            with pytest.raises(
                Refused, match=f"answered {status} and sends the call on to 127.0.0.1:.* Fix: "
            ) as refused:
                act()
            assert "4711" not in str(refused.value)
        assert len(other.requests) == 0
        assert b"body-4711" in first.requests[-1].body
    finally:
        conn.close()
        first.stop()
        other.stop()
