"""wb.transfer where sizes are wrong, untold, or no longer true: nothing is removed that was not copied to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.test_transfer import KINDS
from workbench import Workbench
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.service import Service
from workbench.transfer.copying import Moved, Original, Place
from workbench.transfer.transfer import Transfer, TransferIncomplete

BIG = bytes(range(256)) * 1200
ROWS = b"account,balance\n1,2\n"
KEEPERS = ["ftp", "sftp"]


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[[str, str], tuple[Workbench, Any, Any]]]:
    with Workbench(port=0, folder=tmp_path) as wb:

        def play(of: str, to: str) -> tuple[Workbench, Any, Any]:
            wb.define(KINDS[of]("From"), KINDS[to]("To"))
            wb.sandbox()
            return wb, wb.peers["From"], wb.peers["To"]

        yield play


Play = Callable[[str, str], tuple[Workbench, Any, Any]]


@pytest.mark.parametrize("of", KEEPERS)
def test_a_source_that_tells_no_size_or_too_small_a_one_loses_nothing(played: Play, of: str) -> None:
    wb, source, target = played(of, "folder")
    for told in ("none", 0, 7):
        source.put("in/a.csv", ROWS).put("in/b.bin", BIG).put("in/c.csv", b"" if told != 7 else ROWS)
        files = {f"{told}/{path.removeprefix('in/')}": each for path, each in source.files.items()}
        with source.fail(size_told=told):
            assert wb.transfer("From:in", f"To:{told}").copied == ["a.csv", "b.bin", "c.csv"]
        assert (told, dict(source.files)) == (told, {})
        assert {path: each for path, each in target.files.items() if path in files} == files
    assert getattr(target.files, "unfinished", []) == []


def test_what_ends_before_the_size_that_is_told_stays(played: Play) -> None:
    wb, source, target = played("sftp", "folder")
    wb.define(SFTPConnection("From", host="sftp.example.com", username="me", retries=0))
    source.put("in/a.csv", ROWS)
    with source.fail(size_told=3_000), pytest.raises(TransferIncomplete, match="ended .* after 20 of 3,000 bytes"):
        wb.transfer("From:in", "To")
    assert (dict(source.files), dict(target.files), target.files.unfinished) == ({"in/a.csv": ROWS}, {}, [])
    wb.transfer("From:in", "To")
    assert (dict(source.files), dict(target.files)) == ({}, {"a.csv": ROWS})


@pytest.mark.parametrize("to", KEEPERS)
def test_a_target_that_cannot_tell_the_size_is_asked_for_the_end(played: Play, to: str) -> None:
    wb, source, target = played("folder", to)
    for told in ("none", 0, 7, 5_000_000):
        source.put("a.bin", BIG).put("empty", b"")
        with target.fail(size_told=told):
            assert wb.transfer("From", "To").copied == ["a.bin", "empty"]
        assert (told, dict(source.files), dict(target.files)) == (told, {}, {"a.bin": BIG, "empty": b""})
        target.clear()


@pytest.mark.parametrize("to", KEEPERS)
def test_a_target_that_can_confirm_nothing_leaves_the_source(played: Play, to: str) -> None:
    wb, source, target = played("folder", to)
    source.put("a.csv", ROWS)
    with target.fail(size_told="none", write_only=True), pytest.raises(TransferIncomplete, match="whether it is whole"):
        wb.transfer("From", "To")
    assert (dict(source.files), dict(target.files), target.files.unfinished) == ({"a.csv": ROWS}, {}, [])


@pytest.mark.parametrize("of", KEEPERS)
def test_what_is_at_the_target_already_is_known_again_whatever_size_is_told(played: Play, of: str) -> None:
    wb, source, target = played(of, "folder")
    for told in ("none", 0, 7):
        source.put("in/a.csv", ROWS).put("in/b.csv", ROWS)
        target.put("a.csv", ROWS).put("b.csv", ROWS[:7])
        with source.fail(size_told=told), pytest.raises(TransferIncomplete) as stayed:
            wb.transfer("From:in", "To")
        outcomes = {file.name: file.outcome for file in stayed.value.report.files}
        assert (told, outcomes) == (told, {"a.csv": "there already", "b.csv": "stayed"})
        assert (dict(source.files), target.files["b.csv"]) == ({"in/b.csv": ROWS}, ROWS[:7])


@pytest.mark.parametrize("to", ["folder", "ftp"])
@pytest.mark.parametrize("of", KEEPERS)
def test_a_file_that_grows_while_it_is_read_arrives_with_all_of_it(played: Play, of: str, to: str) -> None:
    wb, source, target = played(of, to)
    faults: list[dict[str, Any]] = [{"times": 1}, {"times": 2}, {"times": 1, "size_told": "none"}]
    for fault in faults:
        source.put("in/a.bin", BIG)
        source.asked.clear()
        with source.fail(grows_by_bytes=70_000, **fault):
            assert [file.outcome for file in wb.transfer("From:in", "To").files] == ["copied"]
        grown = sum(asked.size for asked in source.asked if asked.verb == "grow")
        assert (fault, grown) == (fault, 70_000 * fault["times"])
        assert (dict(source.files), dict(target.files)) == ({}, {"a.bin": BIG + b"+" * grown})
        target.clear()


@pytest.mark.parametrize("of", KEEPERS)
def test_an_empty_file_that_grows_is_found_out_where_every_size_is_said_to_be_0(played: Play, of: str) -> None:
    wb, source, target = played(of, "folder")
    source.put("in/a.bin", b"")
    with source.fail(size_told=0, grows_by_bytes=70_000, times=2):
        wb.transfer("From:in", "To")
    assert (dict(source.files), dict(target.files)) == ({}, {"a.bin": b"+" * 140_000})


@pytest.mark.parametrize("of", KEEPERS)
def test_a_file_that_grows_for_ever_stays_and_that_is_said(played: Play, of: str) -> None:
    wb, source, target = played(of, "folder")
    source.put("in/log.txt", ROWS)
    with (
        source.fail(grows_by_bytes=1),
        pytest.raises(TransferIncomplete, match="From:in is not done with 'log.txt', which grew or changed each of 3"),
    ):
        wb.transfer("From:in", "To")
    assert [*source.files] == ["in/log.txt"]
    assert source.files["in/log.txt"].startswith(ROWS + b"+++")
    assert (dict(target.files), target.files.unfinished) == ({}, [])


class Late(Transfer):
    """Beside it somebody writes to the source's file whenever it was copied, until there is nothing more to write."""

    writes: list[Callable[[Path], object]]
    root: Path

    def copied(self, original: Original) -> Moved:
        done = super().copied(original)
        if self.writes:
            self.writes.pop(0)(self.root / original.path)
        return done


def late(wb: Workbench) -> Late:
    places = Place("From", wb.connections["From"].conn, "in"), Place("To", wb.connections["To"].conn, "")
    return Late(*places, tell=lambda _: None)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more\n")


def rewrite(path: Path) -> None:
    path.write_bytes(ROWS.upper())


@pytest.mark.parametrize("to", ["folder", "ftp"])
@pytest.mark.parametrize(
    ("writes", "found"),
    [
        ([append], ROWS + b"more\n"),
        ([append, append], ROWS + b"more\n" * 2),
        ([rewrite], ROWS.upper()),
        ([append, rewrite], ROWS.upper()),
    ],
    ids=["append", "append twice", "rewrite", "append and rewrite"],
)
def test_what_is_written_after_a_file_was_copied_is_not_removed(
    played: Play, to: str, writes: list[Callable[[Path], object]], found: bytes
) -> None:
    wb, source, target = played("folder", to)
    source.put("in/a.csv", ROWS)
    run = late(wb)
    run.writes, run.root = [*writes], source.root
    assert [file.outcome for file in run.run()] == ["copied"]
    assert (dict(source.files), dict(target.files)) == ({}, {"a.csv": found})


def test_what_is_written_again_and_again_stays(played: Play) -> None:
    wb, source, target = played("folder", "folder")
    source.put("in/a.csv", ROWS)
    run = late(wb)
    run.writes, run.root = [append] * 9, source.root
    (stayed,) = run.run()
    assert "Fix: transfer it when nobody writes to it any more; with overwrite=True" in str(stayed.error)
    assert source.files["in/a.csv"] == ROWS + b"more\n" * 3
    wb.transfer("From:in", "To", overwrite=True)
    assert (dict(source.files), dict(target.files)) == ({}, {"a.csv": ROWS + b"more\n" * 3})


def test_a_file_that_grows_while_its_blocks_are_read_is_read_to_its_end(played: Play) -> None:
    wb, source, target = played("folder", "folder")
    source.put("in/a.bin", BIG)
    more = iter([b"more\n"])

    def grow(_: object) -> None:
        for path in source.files:
            for block in more:
                with (source.root / path).open("ab") as file:
                    file.write(block)

    wb.transfer("From:in", "To", progress=grow)
    assert (dict(source.files), dict(target.files)) == ({}, {"a.bin": BIG + b"more\n"})


class Collect(Service):
    """Reads, writes, and then deletes, by hand."""

    name = "api.collect"

    def handle(self) -> None:
        source, target = self.out.files["From"], self.out.files["To"]
        for info in source.list("in"):
            if info.name == "stream.bin":
                with source.open(info.path) as stream:
                    target.write(info.name, stream)
            else:
                target.write(info.name, source.read(info.path))
            source.delete(info.path)


@pytest.mark.parametrize("of", KEEPERS)
def test_a_service_that_reads_and_then_deletes_loses_nothing(played: Play, of: str) -> None:
    wb, source, target = played(of, "folder")
    wb.deploy(Collect)
    for told in ("none", 0, 7):
        source.put("in/a.csv", ROWS).put("in/stream.bin", BIG)
        with source.fail(size_told=told):
            wb.invoke("api.collect")
        assert (told, dict(source.files), dict(target.files)) == (told, {}, {"a.csv": ROWS, "stream.bin": BIG})
        target.clear()
    source.put("in/a.csv", ROWS)
    with source.fail(size_told=3_000), pytest.raises(Exception, match="after 20 of 3,000"):
        wb.invoke("api.collect")
    assert dict(source.files) == {"in/a.csv": ROWS}
