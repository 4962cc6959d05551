"""The lines in which FTP servers tell of their files, as such servers draw them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.connections.files.protocol import FileInfo
from workbench.connections.ftp.listing import instant, of_fact, of_facts, of_list

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
        ("lrwxrwxrwx   1 me   users       10 Jan 02  2020 link -> to", "link", 10, (2020, 1, 2, 0, 0), False),
        ("-rw-r--r--   1 me   users        1 Jan 02  2020  space first", " space first", 1, (2020, 1, 2, 0, 0), False),
        ("01-02-26  03:04PM             1,234 x", None, 0, None, False),
        ("01-02-26  03:04PM              1234 dos file.txt", "dos file.txt", 1234, (2026, 1, 2, 15, 4), False),
        ("01-02-2026  12:04AM       <DIR>      dos dir", "dos dir", 0, (2026, 1, 2, 0, 4), True),
        ("01-02-98  23:04              1 nt", "nt", 1, (1998, 1, 2, 23, 4), False),
        ("-rw-r--r--   1 me   users        1 Feb 30  2020 no day", "no day", 1, None, False),
        ("-rw-r--r--   1 me   users        1 Foo 30  2020 no month", None, 0, None, False),
        ("drwxr-xr-x   2 me   users     4096 Jan 02  2020 ..", None, 0, None, True),
        ("total 12", None, 0, None, False),
        ("", None, 0, None, False),
    ],
)
def test_lines(line: str, name: str | None, size: int, modified: tuple[int, ...] | None, is_dir: bool) -> None:
    infos = [*of_list([line], "in", NOW)]
    when = None if modified is None else datetime(*modified, tzinfo=UTC)  # type: ignore[misc, arg-type]
    assert infos == ([] if name is None else [FileInfo(name, f"in/{name}", size, when, is_dir)])


def test_an_instant_that_is_none() -> None:
    assert instant("20261399000000") is None
    assert instant("yesterday") is None
