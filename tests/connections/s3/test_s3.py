"""S3 connections against the S3 peer; what every storage does is in suites/test_every_storage.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connections.suites.examples import EXAMPLES, opened
from workbench.connections.definition import Opening
from workbench.connections.files.errors import AccessRefused, FileThere, StorageFull
from workbench.connections.s3.definition import S3Connection
from workbench.connections.s3.live import LiveS3
from workbench.connections.s3.proof import ETagHash
from workbench.core.clock import SystemClock
from workbench.core.errors import ConnectionFailed, InvalidDefinition
from workbench.core.secret import give, given, secret
from workbench.sandbox.s3.server import S3Server

MIB = 1 << 20
BIG = bytes(range(256)) * 4 * 1024 * 18
OPENING = Opening(lambda secret, owner: given(secret.name) or "", SystemClock())


@pytest.fixture
def both() -> Iterator[tuple[LiveS3, S3Server]]:
    with opened("s3") as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveS3, S3Server]) -> LiveS3:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveS3, S3Server]) -> S3Server:
    return both[1]


def test_a_definition_lists_all_that_is_wrong_with_it() -> None:
    with pytest.raises(InvalidDefinition) as refused:
        S3Connection("s", bucket="No_Bucket", region="", address="minio:9000")
    assert set(refused.value.problems) == {"bucket", "region", "address"}
    with pytest.raises(InvalidDefinition, match="access_key and secret_key go together"):
        S3Connection("s", bucket="bucket", access_key="AKIA")


def test_the_client_is_boto3s_own(conn: LiveS3, peer: S3Server) -> None:
    conn.client.put_object(Bucket="my-bucket", Key="in/a.txt", Body=b"1")
    assert dict(peer.files) == {"in/a.txt": b"1"}
    assert [each["Name"] for each in conn.client.list_buckets()["Buckets"]] == ["my-bucket"]
    assert conn.listdir("in") == ["a.txt"]


def test_large_files_go_in_parts_and_their_hash_is_known(conn: LiveS3, peer: S3Server) -> None:
    conn.write("big.bin", BIG)
    assert peer.files["big.bin"] == BIG
    assert [repr(each) for each in peer.asked if each.verb == "PUT"] == [
        f"PUT big.bin {size:,} bytes 200" for size in (8 * MIB, 8 * MIB, 2 * MIB)
    ]
    for name, contents in (("big.bin", BIG), ("exact.bin", BIG[: 8 * MIB]), ("small.txt", b"1")):
        conn.write(name, contents, overwrite=True)
        hasher = ETagHash()
        hasher.update(contents)
        assert conn.digest(name) == hasher.hexdigest()
    assert conn.read("big.bin") == BIG
    conn.client.copy_object(Bucket="my-bucket", Key="copy.bin", CopySource="my-bucket/big.bin")
    # One request wrote it, so that its ETag is not what this connection would make.
    assert conn.digest("copy.bin") is None


def test_parts_of_an_upload_that_is_given_up_are_taken_away(conn: LiveS3) -> None:
    stream = conn.open("big.bin", "wb")
    stream.write(BIG)
    assert len(conn.client.list_multipart_uploads(Bucket="my-bucket")["Uploads"]) == 1
    stream.abort()
    assert "Uploads" not in conn.client.list_multipart_uploads(Bucket="my-bucket")


def test_two_who_write_one_name_do_not_both_succeed(conn: LiveS3) -> None:
    first, second = conn.open("a.txt", "wb"), conn.open("a.txt", "wb")
    first.write(b"first")
    second.write(b"second")
    first.close()
    with pytest.raises(FileThere):
        second.close()
    assert conn.read("a.txt") == b"first"


def test_the_default_directory_is_the_root() -> None:
    with opened("s3", default_directory="team/in") as (conn, peer):
        conn.write("a.txt", b"1")
        assert list(peer.files) == ["team/in/a.txt"]
        assert conn.listdir() == ["a.txt"]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("size", [10, 9 * MIB], ids=["small", "large"])
@pytest.mark.parametrize(
    "fault",
    [{"hang_up": True}, {"hang_up_after_bytes": 0}, {"status": 503}],
    ids=["unheard", "unanswered", "slow down"],
)
def test_an_upload_survives_a_short_trouble(
    conn: LiveS3, peer: S3Server, fault: dict[str, Any], size: int, overwrite: bool
) -> None:
    stream = conn.open("a.bin", "wb", overwrite=overwrite)
    stream.write(BIG[:size])
    peer.fail(**fault, times=1)
    stream.close()
    assert dict(peer.files) == {"a.bin": BIG[:size]}
    peer.fail(**fault, times=1)
    assert conn.read("a.bin") == BIG[:size]


def test_refusals_are_said_with_their_fix(conn: LiveS3, peer: S3Server) -> None:
    with peer.fail(denied=True), pytest.raises(AccessRefused, match=r"refused access: (AccessDenied|403). Fix"):
        conn.list()
    with peer.fail(expired_token=True), pytest.raises(AccessRefused, match="ExpiredToken"):
        conn.list()
    with peer.fail(disk_full=True), pytest.raises(StorageFull, match=r"has no room for 'a.txt'"):
        conn.write("a.txt", b"1")
    give("S3_SECRET", "x")
    elsewhere = conn.definition.replace(bucket="no-such-bucket")
    with pytest.raises(ConnectionFailed, match=r"has no bucket 'no-such-bucket'. Fix: make it"):
        elsewhere.open(OPENING).list()
    with pytest.raises(AccessRefused, match="InvalidAccessKeyId"):
        elsewhere.replace(access_key="STRANGER").open(OPENING).list()
    with pytest.raises(AccessRefused, match="SignatureDoesNotMatch"):
        elsewhere.replace(secret_key=secret("S3_SECRET")).open(OPENING).list()


def test_ping_asks_for_the_bucket(conn: LiveS3, peer: S3Server) -> None:
    assert conn.ping() == "bucket my-bucket answers"
    with peer.fail(refuse=True), pytest.raises(ConnectionFailed, match="cannot be reached"):
        EXAMPLES["s3"].replace(retries=0, address=peer.url, secret_key=secret("S3_SECRET")).open(OPENING).ping()


def test_buckets_of_two_peers_are_their_own() -> None:
    with opened("s3") as (one, _), opened("s3") as (other, other_peer):
        one.write("a.txt", b"1")
        assert (one.listdir(), other.listdir(), dict(other_peer.files)) == (["a.txt"], [], {})
