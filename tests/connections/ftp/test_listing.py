"""The lines in which FTP servers tell of their files, as such servers draw them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.connections.files.protocol import FileInfo
from workbench.connections.ftp.listing import LONGEST_LINE, instant, of_fact, of_facts, of_list, of_mlsd

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "type=file;size=12;modify=20260102030405; a b.txt",
            FileInfo("a b.txt", "in/a b.txt", 12, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ),
        ("Type=dir;Modify=20260102030405.123; deep", FileInfo("deep", "in/deep", 0, instant("20260102030405"), True)),
        ("type=file;size=many;modify=today; x", FileInfo("x", "in/x")),
        ("size=1; no type", FileInfo("no type", "in/no type", 1)),
        ("type=file; a=b; c", FileInfo("a=b; c", "in/a=b; c")),
        ("type=cdir; .", None),
        ("type=pdir; ..", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_facts(line: str, expected: FileInfo | None) -> None:
    assert of_facts(line, "in") == expected


def test_the_fact_of_one_path_keeps_our_name_for_it() -> None:
    assert of_fact(" type=file;size=3; /home/me/in/a.txt", "in/a.txt") == FileInfo("a.txt", "in/a.txt", 3)
    assert of_fact(" type=cdir;size=3; /home/me/in", "in") == FileInfo("in", "in", is_dir=True)


@pytest.mark.parametrize(
    ("line", "name", "size", "modified", "is_dir"),
    [
        ("-rw-r--r--   1 me   users     1234 Jan 02 03:04 a.txt", "a.txt", 1234, (2026, 1, 2, 3, 4), False),
        ("-rw-r--r--   1 me   users     1234 Dec 24 03:04 x-mas", "x-mas", 1234, (2025, 12, 24, 3, 4), False),
        ("-rw-r--r--+  1 me   users     1234 Feb 29  2024 leap day", "leap day", 1234, (2024, 2, 29, 0, 0), False),
        ("-rw-r--r--   1 1000          99 Jan 02 03:04 no group", "no group", 99, (2026, 1, 2, 3, 4), False),
        ("drwxr-xr-x   2 me   users     4096 Jan 02  2020 deep", "deep", 0, (2020, 1, 2, 0, 0), True),
        ("-rw-r--r--   1 me   users        1 Jan 02  2020  space first", " space first", 1, (2020, 1, 2, 0, 0), False),
        ("01-02-26  03:04PM             1,234 x", None, 0, None, False),
        ("01-02-26  03:04PM              1234 dos file.txt", "dos file.txt", 1234, (2026, 1, 2, 15, 4), False),
        ("01-02-2026  12:04AM       <DIR>      dos dir", "dos dir", 0, (2026, 1, 2, 0, 4), True),
        ("01-02-98  23:04              1 nt", "nt", 1, (1998, 1, 2, 23, 4), False),
        ("-rw-r--r--   1 me   users        1 Feb 30  2020 no day", "no day", 1, None, False),
        ("-rw-r--r--   1 me   users        1 Foo 30  2020 no month", None, 0, None, False),
        ("drwxr-xr-x   2 me   users     4096 Jan 02  2020 ..", None, 0, None, True),
        ("-rw-rw-r--    1 me Domain Users    120 Nov 10 17:25 a.txt", "a.txt", 120, (2026, 11, 10, 17, 25), False),
        ("drwxrwxr-x    1 NT Users Domain Users 0 Nov 10 17:25 c++", "c++", 0, (2026, 11, 10, 17, 25), True),
        ("-rw-r--r--    3 user2 read-only   4096 Feb 25  2012 d1.csv", "d1.csv", 4096, (2012, 2, 25, 0, 0), False),
        ("-rw-r--r--    me users   12 Nov 10 17:25 no links", "no links", 12, (2026, 11, 10, 17, 25), False),
        ("-rw-r--r--    1 jan 10 1234 Mar 02 03:04 by jan", "by jan", 1234, (2026, 3, 2, 3, 4), False),
        ("-rw-r--r--    1 me users 12 23 Jan  2014 day first", "day first", 12, (2014, 1, 23, 0, 0), False),
        ("-rw-r--r--    1 me users 12 1. Okt 17:25 de", "de", 12, (2026, 10, 1, 17, 25), False),
        ("-rw-r--r--    1 me users 12 2026-11-01 12:00 iso", "iso", 12, (2026, 11, 1, 12, 0), False),
        ("-rw-r--r--    1 me users 12 2026-11-01 12:00:59.12 +0100 iso", "iso", 12, (2026, 11, 1, 12, 0), False),
        ("-rw-r--r--    1 me users 12 Nov 10 17:25:33 2025 full", "full", 12, (2025, 11, 10, 17, 25), False),
        ("-rw-r--r--    1 me users 12 M\udce4r 23  2014 latin-1", "latin-1", 12, (2014, 3, 23, 0, 0), False),
        ("-rw-r--r--    1 me users 12 août 23  2014 fr", "fr", 12, (2014, 8, 23, 0, 0), False),
        ("-rw-r--r--    1 me users 12 paź 23  2014 pl", "pl", 12, (2014, 10, 23, 0, 0), False),
        ("- [RWCEAFMS] admin      512 Jan 16  2025 netware", "netware", 512, (2025, 1, 16, 0, 0), False),
        ("crw-rw----    1 me tty    5, 1 Jan 02 2026 device", "device", 1, (2026, 1, 2, 0, 0), False),
        ("11-10-2026  05:25PM                 1234 iis.txt", "iis.txt", 1234, (2026, 11, 10, 17, 25), False),
        ("11-10-26  05:25PM       <JUNCTION>     there", "there", 0, (2026, 11, 10, 17, 25), True),
        ("+i8388621.29609,m824255902,r,s77,\teplf.txt", "eplf.txt", 77, (1996, 2, 13, 23, 58, 22), False),
        ("+i8388621.44468,m839956783,/,\teplf", "eplf", 0, (1996, 8, 13, 17, 19, 43), True),
        ("QPGMR     77824 12/17/26 15:33:14 *STMF      as 400.txt", "as 400.txt", 77824, None, False),
        ("QPGMR     77824 12/17/26 15:33:14 *DIR       deep/", "deep", 0, None, True),
        ("total 12", None, 0, None, False),
        ("", None, 0, None, False),
    ],
)
def test_lines(line: str, name: str | None, size: int, modified: tuple[int, ...] | None, is_dir: bool) -> None:
    infos = of_list([line], "in", NOW).infos
    when = None if modified is None else datetime(*modified, tzinfo=UTC)  # type: ignore[misc, arg-type]
    assert infos == ([] if name is None else [FileInfo(name, f"in/{name}", size, when, is_dir)])


def test_an_instant_that_is_none() -> None:
    assert instant("20261399000000") is None
    assert instant("yesterday") is None


def test_a_link_is_listed_as_one() -> None:
    (by_list,) = of_list(["lrwxrwxrwx 1 me users 10 Jan 02  2020 a -> to -> b"], "in", NOW).infos
    assert (by_list.name, by_list.is_link, by_list.is_dir) == ("a", True, False)
    facts = ["type=OS.unix=symlink;size=3; a", "Type=OS.unix=slink:/to/b; b", "type=file;size=3; c"]
    infos = of_mlsd(facts, "in").infos
    assert [(info.name, info.is_link) for info in infos] == [("a", True), ("b", True), ("c", False)]


@pytest.mark.parametrize(
    "line",
    [
        "junk",
        "-rw-r--r--   1 me   users        1 Foo 30  2020 no month",
        "-rw-r--r--   1 me   users        x Jan 30  2020 no size",
        "01-02-26  03:04PM             1,234 x",
        "-rw-r--r-- 1 me users 1 Jan 02 2020 " + "x" * LONGEST_LINE,
        "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname",
    ],
)
def test_a_line_of_list_that_is_not_understood_is_kept_to_be_told(line: str) -> None:
    good = "-rw-r--r--   1 me   users     1234 Jan 02 03:04 a.txt"
    found = of_list(["total 2", line, good], "in", NOW)
    assert ([info.name for info in found.infos], found.unread) == (["a.txt"], [line])


def test_a_line_of_mlsd_that_is_not_understood_is_kept_to_be_told() -> None:
    found = of_mlsd(["type=cdir; .", "nonsense", "type=file;size=1; a", "no facts"], "in")
    assert ([info.name for info in found.infos], found.unread) == (["a"], ["nonsense", "no facts"])


def test_a_size_of_a_thousand_digits_is_none() -> None:
    digits = "9" * 5_000
    assert [info.size for info in of_mlsd([f"type=file;size={digits}; a"], "").infos] == [0]
    assert of_list([f"-rw-r--r-- 1 me users {digits[:4_000]} Jan 02  2020 a"], "", NOW).infos[0].size == 0


@pytest.mark.parametrize("middle", ["1 ", " ", "1", "1 jan 1 ", "1    ", "x ", "1,", "1, ", "x 1 2026-01-01 "])
def test_a_hostile_line_takes_no_time(middle: str) -> None:
    # A regular expression that goes back over what it took would need minutes for so many.
    lines = ["-rw-r--r-- " + middle * (4_000 // len(middle))] * 100
    assert len(of_list(lines, "", NOW).unread) == 100
