"""S3 connections to stores that differ from S3 in ETags, checksums and conditions: nothing that was there is lost."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.connections.suites.examples import opened
from workbench.connections.files.errors import AccessRefused, FileThere, Interrupted
from workbench.connections.s3.live import LiveS3
from workbench.connections.s3.proof import Sent, may_be_md5
from workbench.core.errors import ConnectionFailed
from workbench.sandbox.s3.server import S3Server
from workbench.transfer.copying import Copying, Original, Place

MIB = 1 << 20
OLD = b"what was there before"
SIZES = {"small": 5, "large": 9 * MIB}
ETAGS = ["md5", "upper", "opaque", "sha256", "kms"]
CHECKSUMS = ["known", "ignored", "refused"]
# Each word once, in the pairs that real stores have: AWS with a key of its own, MinIO, gateways, the oldest.
PAIRS = [("kms", "known"), ("opaque", "ignored"), ("sha256", "refused"), ("upper", "refused"), ("md5", "ignored")]
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
EVERY_PAIR = [*product(ETAGS, CHECKSUMS)] if SOAK else PAIRS
IN_PARTS = ETAGS if SOAK else ["kms", "opaque"]
SIZE_ALONE = "compared by size alone"


def contents(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + b"x" * (size % 251)


@pytest.fixture
def both() -> Iterator[tuple[LiveS3, S3Server]]:
    with opened("s3", retries=0) as pair:
        yield pair


@pytest.fixture
def conn(both: tuple[LiveS3, S3Server]) -> LiveS3:
    return both[0]


@pytest.fixture
def peer(both: tuple[LiveS3, S3Server]) -> S3Server:
    return both[1]


@pytest.mark.parametrize(("etags", "checksums"), EVERY_PAIR)
def test_an_overwrite_is_taken_whatever_the_etag_is(
    conn: LiveS3, peer: S3Server, etags: str, checksums: str, caplog: pytest.LogCaptureFixture
) -> None:
    big = contents(9 * MIB if etags in IN_PARTS else 9)
    peer.put("in/a.txt", OLD)
    with peer.fail(etags=etags, checksums=checksums), caplog.at_level(logging.WARNING, "workbench"):
        conn.write("in/a.txt", b"new", overwrite=True)
        conn.write("in/b.txt", b"b")
        conn.write("in/c.bin", big, overwrite=True)
        conn.move("in/b.txt", "out/b.txt")
    assert dict(peer.files) == {"in/a.txt": b"new", "out/b.txt": b"b", "in/c.bin": big}
    assert not any(each.verb == "DELETE" and each.path.endswith(("a.txt", "c.bin")) for each in peer.asked)
    # Each is said once for the connection, however many files there are.
    proves_nothing = checksums != "known" and etags not in ("md5", "upper")
    assert caplog.text.count(SIZE_ALONE) == proves_nothing
    assert caplog.text.count("refuses checksum headers") == (checksums == "refused")


@pytest.mark.parametrize(("checksums", "size"), [("known", 5), ("ignored", 9 * MIB), ("refused", 5)])
def test_a_lost_answer_to_an_upload_is_found_out_by_looking(checksums: str, size: int) -> None:
    with opened("s3") as (conn, peer):
        stream = conn.open("a.bin", "wb")
        stream.write(contents(size))
        peer.fail(etags="opaque", checksums=checksums, hang_up_before_answer=True, times=1)
        stream.close()
        assert dict(peer.files) == {"a.bin": contents(size)}
        assert not any(each.verb == "DELETE" for each in peer.asked)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_damaged_body_is_refused_while_the_old_file_stays(conn: LiveS3, peer: S3Server, size: int) -> None:
    peer.put("a.bin", OLD)
    with peer.fail(wrong_hash=True), pytest.raises(Interrupted, match=r"received something else for 'a\.bin'"):
        conn.write("a.bin", contents(size), overwrite=True)
    assert dict(peer.files) == {"a.bin": OLD}
    assert "Uploads" not in conn.client.list_multipart_uploads(Bucket="my-bucket")


@pytest.mark.parametrize("checksums", ["ignored", "refused"])
def test_a_store_without_checksums_refuses_a_damaged_body_by_its_md5(
    conn: LiveS3, peer: S3Server, checksums: str
) -> None:
    peer.put("a.txt", OLD)
    with peer.fail(wrong_hash=True, checksums=checksums, etags="opaque"), pytest.raises(Interrupted):
        conn.write("a.txt", b"new", overwrite=True)
    assert dict(peer.files) == {"a.txt": OLD}


@pytest.mark.parametrize(("etags", "size"), [("md5", 5), ("opaque", 9 * MIB), ("kms", 5)])
def test_what_a_careless_store_keeps_is_called_wrong_and_not_deleted(
    conn: LiveS3, peer: S3Server, etags: str, size: int
) -> None:
    peer.put("a.bin", OLD)
    wrong = peer.fail(wrong_hash=True, unchecked=True, etags=etags)
    with wrong, pytest.raises(Interrupted, match=r"keeps something else at 'a\.bin' than was sent; it was left there"):
        conn.write("a.bin", contents(size), overwrite=True)
    assert peer.files.size("a.bin") == size
    assert not any(each.verb == "DELETE" and each.path.endswith("a.bin") for each in peer.asked)


def test_a_new_name_with_wrong_contents_is_not_said_to_be_taken() -> None:
    # A second try would find the name taken, and hide what happened.
    with (
        opened("s3", retries=3) as (conn, peer),
        peer.fail(wrong_hash=True, unchecked=True, times=1),
        pytest.raises(ConnectionFailed, match="keeps something else") as refused,
    ):
        conn.write("a.txt", b"new")
    assert not isinstance(refused.value, FileThere)


def test_a_bucket_with_versions_gives_the_old_file_back(conn: LiveS3, peer: S3Server) -> None:
    conn.client.put_bucket_versioning(Bucket="my-bucket", VersioningConfiguration={"Status": "Enabled"})
    conn.write("a.bin", OLD)
    wrong = peer.fail(wrong_hash=True, unchecked=True)
    with wrong, pytest.raises(Interrupted, match="that version was taken back"):
        conn.write("a.bin", b"new", overwrite=True)
    assert dict(peer.files) == {"a.bin": OLD}


@pytest.mark.parametrize("conditions", ["ignored", "refused"])
def test_a_name_taken_meanwhile_is_kept_by_a_store_without_conditions(
    conn: LiveS3, peer: S3Server, conditions: str
) -> None:
    with peer.fail(conditions=conditions):
        stream = conn.open("a.bin", "wb")
        stream.write(b"new")
        peer.put("a.bin", OLD)
        with pytest.raises(FileThere):
            stream.close()
        conn.write("b.bin", b"b")
        conn.move("b.bin", "c.bin")
    assert dict(peer.files) == {"a.bin": OLD, "c.bin": b"b"}


def test_a_store_that_refuses_conditions_says_so_once(
    conn: LiveS3, peer: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    with peer.fail(conditions="refused", checksums="refused"):
        conn.write("a.txt", b"1")
        conn.write("b.txt", b"2")
    assert dict(peer.files) == {"a.txt": b"1", "b.txt": b"2"}
    assert (caplog.text.count("refuses If-None-Match"), caplog.text.count("refuses checksum headers")) == (1, 1)


def test_a_copy_that_lacks_bytes_leaves_the_source(conn: LiveS3, peer: S3Server) -> None:
    peer.put("in/a.txt", OLD)
    with peer.fail(short_copies=True), pytest.raises(ConnectionFailed, match=r"'in/a.txt', which stays where it is"):
        conn.move("in/a.txt", "out/a.txt")
    assert peer.files["in/a.txt"] == OLD


def test_what_s3_refuses_for_want_of_access_is_not_taken_for_an_unknown_header(conn: LiveS3, peer: S3Server) -> None:
    stream = conn.open("a.txt", "wb", overwrite=True)
    stream.write(b"1")
    with peer.fail(expired_token=True), pytest.raises(AccessRefused, match="ExpiredToken"):
        stream.close()
    assert [each.outcome for each in peer.asked if each.verb == "PUT"] == ["400"]


@pytest.mark.parametrize(("etags", "checksums"), EVERY_PAIR)
def test_a_transfer_to_it_is_confirmed_by_reading_if_nothing_else_does(etags: str, checksums: str) -> None:
    with opened("folder") as (source, there), opened("s3") as (conn, peer):
        there.put("a.bin", b"contents")
        original = Original("a.bin", "a.bin", 8, "1")
        copying = Folder(Place("here", source, ""), Place("S3", conn, "in"), False, lambda event: None)
        with peer.fail(etags=etags, checksums=checksums):
            assert [copying.copied(original).outcome for _ in range(2)] == ["copied", "there already"]
        assert dict(peer.files) == {"in/a.bin": b"contents"}


class Folder(Copying):
    """Copies from a folder."""

    def stream(self, original: Original, offset: int = 0) -> Any:
        return self.source.conn.stream(original.path, offset)


def test_only_an_etag_that_is_equal_proves_and_only_a_checksum_of_the_whole_disproves() -> None:
    sent = Sent()
    sent.update(memoryview(b"hello"))
    tag, crc = sent.tag, sent.crc
    assert re.fullmatch("[0-9a-f]{32}", tag)
    proofs: list[tuple[dict[str, str], bool | None]] = [
        ({"ETag": f'"{tag}"'}, True),
        ({"ETag": tag.upper()}, True),
        ({"ETag": f'"{"0" * 32}"'}, None),
        ({"ETag": f'"{tag}-1"'}, None),
        ({}, None),
        ({"ETag": f'"{"0" * 32}"', "ChecksumCRC32": crc}, True),
        ({"ETag": f'"{"0" * 32}"', "ChecksumCRC32": "AAAAAA=="}, False),
        ({"ChecksumCRC32": "AAAAAA==-2"}, None),
    ]
    assert [sent.is_what(told) for told, _ in proofs] == [proves for _, proves in proofs]
    kms = {"ETag": tag, "ServerSideEncryption": "aws:kms"}
    assert [may_be_md5(each) for each in ({"ETag": tag}, {"ETag": tag * 2}, kms)] == [True, False, False]


def test_a_checksum_of_the_parts_own_proves_and_does_not_disprove() -> None:
    sent = Sent()
    for part in (b"one", b"two"):
        sent.update(memoryview(part))
        sent.end_part(part)
    # Of crc32(crc32("one") + crc32("two")), as S3 composes it.
    assert sent.is_what({"ChecksumCRC32": "uDltSA==-2", "ChecksumType": "COMPOSITE"})
    assert sent.is_what({"ChecksumCRC32": "AAAAAA==-2", "ChecksumType": "COMPOSITE"}) is None
    assert sent.is_what({"ChecksumCRC32": "AAAAAA==", "ChecksumType": "FULL_OBJECT"}) is False
