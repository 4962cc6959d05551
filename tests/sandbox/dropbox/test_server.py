"""The Dropbox peer, asked by the official SDK as it is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import dropbox
import pytest
import requests
from dropbox import files
from dropbox.content_hash import content_hash
from dropbox.exceptions import ApiError, AuthError, BadInputError, InternalServerError, RateLimitError
from dropbox.stone_validators import ValidationError
from requests.adapters import HTTPAdapter

from workbench.connections.dropbox.errors import tags_of
from workbench.sandbox import certificates
from workbench.sandbox.dropbox.server import DropboxServer

# The SDK of today reads the time of a token's end by a function that Python 3.12 and later speak against.
SDK_READS_THE_CLOCK = r"ignore:datetime\.datetime\.utcnow\(\) is deprecated:DeprecationWarning:dropbox\.dropbox_client"
BIG = bytes(range(256)) * 4096 * 9


class ToPeer(HTTPAdapter):
    """Leads requests for Dropbox's hosts to the peer, which speaks plain HTTP."""

    def __init__(self, peer: DropboxServer) -> None:
        self.peer = peer
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = self.peer.url + urlsplit(str(request.url)).path
        return super().send(request, *args, **kwargs)


def client_of(peer: DropboxServer, token: str | None = "any", **more: Any) -> dropbox.Dropbox:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToPeer(peer))
    given = {"max_retries_on_error": 0, "max_retries_on_rate_limit": 0, "timeout": 10, **more}
    return dropbox.Dropbox(token, session=session, user_agent="tests/1.0", **given)


@pytest.fixture
def peer() -> Iterator[DropboxServer]:
    peer = DropboxServer("d").start()
    yield peer
    peer.stop()


@pytest.fixture
def client(peer: DropboxServer) -> Iterator[dropbox.Dropbox]:
    with client_of(peer) as client:
        yield client


def refused(act: Callable[[], object]) -> list[str]:
    """The tags of the API's error."""
    with pytest.raises(ApiError) as caught:
        act()
    return tags_of(caught.value.error)


def names(page: Any) -> list[str]:
    return [entry.path_display for entry in page.entries]


def test_a_file_goes_up_and_down_with_its_hash(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    # The SDK's instants are UTC and say so nowhere.
    instant = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    told = client.files_upload(b"12 bytes...\n", "/In/Żółw.txt", client_modified=instant)
    assert (told.name, told.path_lower, told.size) == ("Żółw.txt", "/in/żółw.txt", 12)
    assert told.content_hash == content_hash(b"12 bytes...\n")
    assert told.client_modified == instant
    client.files_upload(BIG, "/big.bin")
    for path, contents in (("/big.bin", BIG), ("/BIG.bin", BIG)):
        told, answer = client.files_download(path)
        assert answer.content == contents
        assert told.content_hash == content_hash(contents)
    _, part = client.files_download("/big.bin", extra_headers={"Range": "bytes=1000-1009"})
    assert (part.status_code, part.content) == (206, BIG[1000:1010])
    assert peer.files["big.bin"] == BIG


def test_the_modes_of_writing(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    first = client.files_upload(b"1", "/a.txt")
    assert client.files_upload(b"1", "/A.TXT").rev == first.rev
    assert refused(lambda: client.files_upload(b"1", "/a.txt", strict_conflict=True)) == ["path", "conflict", "file"]
    assert refused(lambda: client.files_upload(b"2", "/a.txt")) == ["path", "conflict", "file"]
    assert client.files_upload(b"2", "/a.txt", autorename=True).name == "a (1).txt"
    second = client.files_upload(b"2", "/a.txt", mode=files.WriteMode.overwrite)
    assert second.id == first.id
    update = files.WriteMode.update
    assert refused(lambda: client.files_upload(b"3", "/a.txt", mode=update(first.rev))) == ["path", "conflict", "file"]
    third = client.files_upload(b"3", "/a.txt", mode=update(second.rev))
    assert [each.rev for each in client.files_list_revisions("/a.txt").entries] == [third.rev, second.rev, first.rev]
    assert client.files_restore("/a.txt", first.rev).size == 1
    assert peer.files["a.txt"] == b"1"
    assert client.files_download(f"rev:{second.rev}")[1].content == b"2"
    assert client.files_get_metadata(first.id).path_display == "/a.txt"


def test_names_that_stand_in_the_way(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("a.txt", b"1").make_folder("in")
    assert refused(lambda: client.files_upload(b"x", "/in")) == ["path", "conflict", "folder"]
    assert refused(lambda: client.files_upload(b"x", "/a.txt/b")) == ["path", "conflict", "file_ancestor"]
    assert refused(lambda: client.files_upload(b"x", "/in/.dropbox")) == ["path", "disallowed_name"]
    assert refused(lambda: client.files_create_folder_v2("/a.txt")) == ["path", "conflict", "file"]
    assert refused(lambda: client.files_download("/in")) == ["path", "not_file"]
    assert refused(lambda: client.files_list_folder("/a.txt")) == ["path", "not_folder"]
    assert refused(lambda: client.files_get_metadata("/no")) == ["path", "not_found"]
    assert refused(lambda: client.files_delete_v2("/no")) == ["path_lookup", "not_found"]
    for path in ("/..", "/a//b", "/in/", "/a\\b", "/a\0", "/" + "x" * 256, "/a/../b"):
        assert refused(lambda path=path: client.files_upload(b"x", path)) == ["path", "malformed_path"]  # type: ignore[misc]
    with pytest.raises(BadInputError, match='Specify the root folder as an empty string rather than as "/"'):
        client.files_list_folder("/")
    with pytest.raises(ValidationError):
        client.files_upload(b"x", "no-slash")
    # What the SDK itself would not send.
    answer = requests.post(
        f"{peer.url}/2/files/get_metadata", json={"path": "a"}, headers={"Authorization": "Bearer x"}, timeout=5
    )
    assert (answer.status_code, "did not match pattern" in answer.text) == (400, True)


def test_an_upload_session(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    id_ = client.files_upload_session_start(b"1234").session_id
    at = files.UploadSessionCursor
    client.files_upload_session_append_v2(b"5678", at(id_, 4))
    with pytest.raises(ApiError) as wrong:
        client.files_upload_session_append_v2(b"x", at(id_, 4))
    assert wrong.value.error.get_incorrect_offset().correct_offset == 8
    assert refused(lambda: client.files_upload_session_append_v2(b"x", at("nobody", 0))) == ["not_found"]
    commit = files.CommitInfo("/s.bin")
    assert refused(lambda: client.files_upload_session_finish(b"", at(id_, 5), commit))[:2] == [
        "lookup_failed",
        "incorrect_offset",
    ]
    assert dict(peer.files) == {}
    assert client.files_upload_session_finish(b"9", at(id_, 8), commit).size == 9
    assert peer.files["s.bin"] == b"123456789"
    assert refused(lambda: client.files_upload_session_finish(b"", at(id_, 9), commit)) == [
        "lookup_failed",
        "not_found",
    ]
    closed = client.files_upload_session_start(b"1", close=True).session_id
    assert refused(lambda: client.files_upload_session_append_v2(b"2", at(closed, 1))) == ["closed"]


def test_many_sessions_finish_at_once(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    started = [client.files_upload_session_start(each, close=True).session_id for each in (b"1", b"22")]
    entries = [
        files.UploadSessionFinishArg(files.UploadSessionCursor(id_, size), files.CommitInfo(path))
        for id_, size, path in zip([*started, "nobody"], (1, 2, 0), ("/a", "/b", "/c"), strict=True)
    ]
    told = client.files_upload_session_finish_batch_v2(entries).entries
    assert [each.is_success() for each in told] == [True, True, False]
    assert dict(peer.files) == {"a": b"1", "b": b"22"}
    again = client.files_upload_session_start(b"4", close=True).session_id
    entry = files.UploadSessionFinishArg(files.UploadSessionCursor(again, 1), files.CommitInfo("/d"))
    with pytest.warns(DeprecationWarning, match="finish_batch"):
        assert client.files_upload_session_finish_batch([entry]).is_complete()


def test_contents_that_are_not_as_promised_are_refused(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    hash_ = content_hash(b"other")
    assert refused(lambda: client.files_upload(b"1", "/a", content_hash=hash_)) == ["content_hash_mismatch"]
    assert dict(peer.files) == {}


def test_folders_are_listed_page_by_page(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    for number in range(7):
        peer.put(f"In/{number}.txt", b"x")
    peer.put("In/deep/z.txt", b"x").put("other.txt", b"x")
    page = client.files_list_folder("/in", limit=3)
    seen = names(page)
    while page.has_more:
        page = client.files_list_folder_continue(page.cursor)
        seen += names(page)
    assert seen == [*(f"/In/{number}.txt" for number in range(7)), "/In/deep"]
    assert names(client.files_list_folder("", recursive=True))[-1] == "/other.txt"
    assert names(client.files_list_folder("")) == ["/In", "/other.txt"]


def test_a_cursor_tells_what_has_changed_since(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("in/a.txt", b"1").put("in/b.txt", b"2")
    cursor = client.files_list_folder_get_latest_cursor("/in").cursor
    assert names(client.files_list_folder_continue(cursor)) == []
    peer.put("in/c.txt", b"3").put("elsewhere.txt", b"x")
    client.files_delete_v2("/in/a.txt")
    client.files_move_v2("/in/b.txt", "/in/d.txt")
    page = client.files_list_folder_continue(cursor)
    told = {entry.name: type(entry).__name__ for entry in page.entries}
    assert told == {
        "c.txt": "FileMetadata",
        "a.txt": "DeletedMetadata",
        "b.txt": "DeletedMetadata",
        "d.txt": "FileMetadata",
    }
    assert names(client.files_list_folder_continue(page.cursor)) == []
    peer.reset_cursors()
    assert refused(lambda: client.files_list_folder_continue(page.cursor)) == ["reset"]
    with pytest.raises(BadInputError, match="cursor"):
        client.files_list_folder_continue("rubbish")


def test_longpoll_answers_when_something_changes(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    cursor = client.files_list_folder_get_latest_cursor("").cursor
    told: list[Any] = []
    waiter = threading.Thread(target=lambda: told.append(client.files_list_folder_longpoll(cursor)))
    waiter.start()
    while not peer._folders.is_awaited:
        threading.Event().wait(0.01)
    peer.put("a.txt", b"1")
    waiter.join(30)
    assert [each.changes for each in told] == [True]


def test_move_copy_delete_and_search(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("in/a.txt", b"1").put("in/deep/b.txt", b"2")
    id_ = client.files_get_metadata("/in/a.txt").id
    assert client.files_move_v2("/in/a.txt", "/done/a.txt").metadata.id == id_
    assert client.files_copy_v2("/in", "/copy").metadata.path_display == "/copy"
    assert sorted(peer.files) == ["copy/deep/b.txt", "done/a.txt", "in/deep/b.txt"]
    assert refused(lambda: client.files_move_v2("/in", "/in/deep/in")) == ["duplicated_or_nested_paths"]
    assert refused(lambda: client.files_move_v2("/no", "/x")) == ["from_lookup", "not_found"]
    assert refused(lambda: client.files_move_v2("/done/a.txt", "/in")) == ["to", "conflict", "folder"]
    assert client.files_move_v2("/done/a.txt", "/done/A.txt").metadata.name == "A.txt"
    found = client.files_search_v2("b", options=files.SearchOptions(path="/copy"))
    assert [match.metadata.get_metadata().path_display for match in found.matches] == ["/copy/deep/b.txt"]
    client.files_delete_v2("/copy")
    assert sorted(peer.files) == ["done/A.txt", "in/deep/b.txt"]
    gone = client.files_get_metadata("/copy", include_deleted=True)
    assert isinstance(gone, files.DeletedMetadata)
    rev = client.files_get_metadata("/done/A.txt").rev
    peer.put("done/A.txt", b"newer")
    assert refused(lambda: client.files_delete_v2("/done/a.txt", parent_rev=rev)) == [
        "path_write",
        "conflict",
        "file",
    ]


def test_a_search_goes_on_page_by_page(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    for number in range(5):
        peer.put(f"in/word {number}.txt", b"x")
    page = client.files_search_v2("word", options=files.SearchOptions(max_results=2))
    found = [match.metadata.get_metadata().name for match in page.matches]
    while page.has_more:
        page = client.files_search_continue_v2(page.cursor)
        found += [match.metadata.get_metadata().name for match in page.matches]
    assert found == [f"word {number}.txt" for number in range(5)]
    assert refused(lambda: client.files_search_continue_v2("rubbish")) == ["invalid_argument"]


def test_what_the_sdk_still_knows_by_its_old_names(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("a.txt", b"1")
    with pytest.warns(DeprecationWarning, match="create_folder"):
        assert client.files_create_folder("/in").path_display == "/in"
    with pytest.warns(DeprecationWarning, match="move"):
        assert client.files_move("/a.txt", "/in/b.txt").path_display == "/in/b.txt"
    with pytest.warns(DeprecationWarning, match="copy"):
        assert client.files_copy("/in/b.txt", "/c.txt").size == 1
    with pytest.warns(DeprecationWarning, match="delete"):
        assert client.files_delete("/in/b.txt").name == "b.txt"
    assert dict(peer.files) == {"c.txt": b"1"}
    assert client.files_create_folder_v2("/new").metadata.path_display == "/new"


def test_links(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("a.txt", b"shared")
    link = client.files_get_temporary_link("/a.txt").link
    assert requests.get(link, timeout=30).content == b"shared"
    shared = client.sharing_create_shared_link_with_settings("/a.txt")
    assert (shared.name, shared.size) == ("a.txt", 6)
    again = refused(lambda: client.sharing_create_shared_link_with_settings("/a.txt"))
    assert again[0] == "shared_link_already_exists"
    assert [each.url for each in client.sharing_list_shared_links("/a.txt").links] == [shared.url]
    assert client.sharing_get_shared_link_metadata(shared.url).name == "a.txt"
    assert client.sharing_get_shared_link_file(shared.url)[1].content == b"shared"
    assert requests.get(shared.url.replace("dl=0", "dl=1"), timeout=30).content == b"shared"
    client.sharing_revoke_shared_link(shared.url)
    assert client.sharing_list_shared_links().links == []
    assert requests.get(shared.url, timeout=30).status_code == 404


def test_the_account_and_its_space(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    peer.put("a.txt", b"123")
    account = client.users_get_current_account()
    assert account.name.display_name == "Sandbox Account"
    assert client.users_get_account(account.account_id).email == account.email
    usage = client.users_get_space_usage()
    assert (usage.used, usage.allocation.get_individual().allocated) == (3, 2 << 30)
    assert client.check_user("hello").result == "hello"
    root = dropbox.common.PathRoot.root(account.root_info.root_namespace_id)
    assert names(client.with_path_root(root).files_list_folder("")) == ["/a.txt"]
    assert peer.user_agents[-1].startswith("tests/1.0/OfficialDropboxPythonSDKv2/")


def test_no_room(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    client.files_upload(b"x" * 60, "/a")
    with peer.fail(quota_bytes=100):
        assert refused(lambda: client.files_upload(b"y" * 60, "/b")) == ["path", "insufficient_space"]
        assert refused(lambda: client.files_copy_v2("/a", "/c")) == ["insufficient_quota"]
        id_ = client.files_upload_session_start(b"y" * 60).session_id
        cursor = files.UploadSessionCursor(id_, 60)
        assert refused(lambda: client.files_upload_session_finish(b"", cursor, files.CommitInfo("/b"))) == [
            "path",
            "insufficient_space",
        ]
    assert list(peer.files) == ["a"]


@pytest.mark.filterwarnings(SDK_READS_THE_CLOCK)
def test_tokens_expire_are_refreshed_and_revoked(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    with peer.fail(expired_token=True):
        with pytest.raises(AuthError) as expired:
            client.files_list_folder("")
        assert expired.value.error.is_expired_access_token()
        with client_of(peer, None, oauth2_refresh_token="r", app_key="k", app_secret="s") as refreshing:
            assert refreshing.files_list_folder("").entries == []
    with peer.fail(revoked_token=True):
        with pytest.raises(AuthError) as revoked:
            client.files_list_folder("")
        assert revoked.value.error.is_invalid_access_token()
        with client_of(peer, None, oauth2_refresh_token="r", app_key="k") as late, pytest.raises(AuthError):
            late.files_list_folder("")
    with peer.fail(missing_scope="files.content.write"), pytest.raises(AuthError) as narrow:
        client.files_upload(b"1", "/a")
    assert narrow.value.error.get_missing_scope().required_scope == "files.content.write"
    assert client.files_list_folder("").entries == []


def test_rate_limits_and_breakdowns(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    with peer.fail(status=429, retry_after_seconds=7), pytest.raises(RateLimitError) as limited:
        client.files_list_folder("")
    assert limited.value.backoff == 7
    with peer.fail(status=503), pytest.raises(InternalServerError) as broken:
        client.files_list_folder("")
    assert broken.value.status_code == 503
    with peer.fail(status=500, times=1):
        assert client_of(peer, max_retries_on_error=3).files_list_folder("").entries == []
    with peer.fail(hang_up=True), pytest.raises(requests.ConnectionError):
        client.files_list_folder("")
    peer.put("a.txt", b"x" * 1000)
    with peer.fail(cut_body_after_bytes=10), pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = client.files_download("/a.txt")[1].content


def test_what_is_asked_for_is_kept_and_shown(peer: DropboxServer, client: dropbox.Dropbox) -> None:
    assert repr(peer) == "Dropbox 'd': no files"
    client.files_upload(b"12", "/in/a.txt")
    with pytest.raises(ApiError):
        client.files_download("/no.txt")
    assert repr(peer) == "Dropbox 'd': 1 file.\nin/a.txt (2 bytes)"
    assert peer.rows() == [{"file": "in/a.txt", "bytes": 2}]
    assert [repr(each) for each in peer.asked] == [
        "files/upload in/a.txt 2 bytes ok",
        "files/download no.txt 0 bytes path/not_found/..",
    ]
    assert repr(peer.files) == "in/a.txt (2 bytes)"
    peer.clear()
    assert (dict(peer.files), client.users_get_space_usage().used) == ({}, 0)


def test_it_serves_a_process_of_its_own_over_tls() -> None:
    peer = DropboxServer("d", encrypted=True).start()
    code = """
import os, dropbox
session = dropbox.create_session(ca_certs=os.environ["CA"])
session.trust_env = False
client = dropbox.Dropbox("token", session=session)
client.files_upload(b"over TLS", "/a.txt")
print(client.files_download("/a.txt")[1].content)
"""
    hosts = {f"DROPBOX_API_{word}HOST": peer.address for word in ("", "CONTENT_", "NOTIFY_")}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **hosts, "CA": str(certificates.authority().file)},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert (done.stdout, done.stderr) == ("b'over TLS'\n", "")
        assert peer.files["a.txt"] == b"over TLS"
    finally:
        peer.stop()
