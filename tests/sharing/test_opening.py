"""`workbench open`: what is looked at, said and asked before anything of a stranger's package runs."""

from __future__ import annotations

import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine
from tests.testing.notebooks import code, write
from workbench.core.errors import WorkbenchError
from workbench.sharing import unpacked
from workbench.sharing.environment import lacking, requirements_in
from workbench.sharing.fetched import check_address, fetch
from workbench.sharing.names import portable, same_elsewhere, wrong_with
from workbench.sharing.opening import Opening, said
from workbench.sharing.unpacked import PackageRefused, check_harmless, unpack

RUN = "from pathlib import Path\nPath({!r}).write_text('it ran')"


def zipped(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, contents in entries:
            packed.writestr(name, contents)
    return path


def special(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    return entry


def compressed(name: str, how: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = how
    return entry


HARMFUL: list[tuple[str, str | zipfile.ZipInfo, str]] = [
    ("climbs", "../out.txt", "leads out of the package"),
    ("climbs-inside", "a/../../out.txt", "leads out of the package"),
    ("absolute", "/tmp/out.txt", "does not begin in the package"),
    ("drive", "C:/out.txt", "does not begin in the package"),
    ("backslashes", "..\\out.txt", "not every system"),
    ("device", "aux.txt", "not every system"),
    ("stream", "a.txt:hidden", "not every system"),
    ("dots", "a.../b", "not every system"),
    ("escape", "\x1b[2J", "not every system"),
    ("link", special("link", 0o120777), "is a link"),
    ("fifo", special("pipe", 0o010644), "is no file"),
    ("case", "A.IPYNB", "one file on a disk that ignores case"),
    ("case-of-folders", "DATA/b.csv", "one file on a disk that ignores case"),
    ("folder-and-file", "a.ipynb/b", "is there twice"),
    ("long", "/".join(["a" * 200] * 6), "not every system can write a path so long"),
    ("deep", "a/" * 40 + "b", "not every system can write a path so long"),
    ("memory", compressed("big", zipfile.ZIP_LZMA), "compressed in a way that packages do not use"),
]


@pytest.mark.parametrize(("name", "words"), [each[1:] for each in HARMFUL], ids=[each[0] for each in HARMFUL])
def test_a_harmful_package_is_refused_before_anything_is_written(
    name: str | zipfile.ZipInfo, words: str, tmp_path: Path
) -> None:
    package = zipped(tmp_path / "x.zip", ("a.ipynb", b"{}"), ("data/a.csv", b"1"), (name, b"/etc/passwd"))
    with pytest.raises(PackageRefused, match=f"{words}.*Fix:") as refused:
        unpack(package, tmp_path / "in" / "x")
    assert "\x1b" not in str(refused.value)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.zip"]


def test_what_is_no_whole_package_is_refused(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "whole.zip", ("a.ipynb", os.urandom(9_000))).read_bytes()
    damaged = bytearray(whole)
    damaged[2_000:2_200] = bytes(200)
    for contents in (b"", b"PK", whole[:5_000], bytes(damaged)):
        (tmp_path / "x.zip").write_bytes(contents)
        with pytest.raises(PackageRefused, match="no whole ZIP file"):
            unpack(tmp_path / "x.zip", tmp_path / f"in{len(contents)}")


def test_no_byte_of_a_package_that_is_changed_ends_it_otherwise(tmp_path: Path) -> None:
    package = zipped(tmp_path / "x.zip", ("a.ipynb", b"{}" * 50), ("data/b.csv", b"1,2\n" * 100))
    whole, refused = package.read_bytes(), 0
    for at in range(len(whole)):
        for byte in {0, 0x80, 0xFF} - {whole[at]}:
            package.write_bytes(whole[:at] + bytes((byte,)) + whole[at + 1 :])
            try:
                unpack(package, tmp_path / f"in{at}.{byte}")
            except PackageRefused:
                refused += 1
    assert refused > len(whole)


def test_a_bomb_is_refused_by_what_it_says_it_unpacks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "MOST_BYTES", 1 << 20)
    package = zipped(tmp_path / "x.zip", ("a", bytes(800_000)), ("b", bytes(800_000)))
    assert package.stat().st_size < 4_000
    with pytest.raises(PackageRefused, match="it unpacks to 1 MiB, and 1 are the most"):
        unpack(package, tmp_path / "in")
    monkeypatch.setattr(unpacked, "MOST_FILES", 1)
    with pytest.raises(PackageRefused, match="it holds 2 files, and 1 are the most"):
        unpack(package, tmp_path / "in")


def test_a_file_that_is_there_twice_is_refused_in_a_package_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacked, "MOST_FILES", 2)
    with pytest.warns(UserWarning, match="Duplicate name"):
        package = zipped(tmp_path / "x.zip", ("a.ipynb", b"{}"), ("a.ipynb", b"[]"))
    with pytest.raises(PackageRefused, match="'a.ipynb' is there twice"):
        unpack(package, tmp_path / "in")


def test_hidden_files_stay_in_the_package(tmp_path: Path) -> None:
    entries = (".env", "a/.jupyter/x.py", ".vscode/tasks.json")
    package = zipped(tmp_path / "x.zip", ("a.ipynb", b"{}"), *((name, b"x") for name in entries))
    assert unpack(package, tmp_path / "in") == list(entries)
    assert [each.name for each in (tmp_path / "in").rglob("*") if each.is_file()] == ["a.ipynb"]


BY_ITSELF = [
    *("jupyter_server_config.py", "jupyter_lab_config.json", "sitecustomize.py", "x.pth", "startup/a.py", "json.py"),
    *("json.pyc", f"ipykernel_launcher{EXTENSION_SUFFIXES[0]}", "tornado/__init__.py", "requests/__init__.pyc"),
    *("extlib/json.py", "extlib/tornado/__init__.py"),
]


@pytest.mark.parametrize("name", BY_ITSELF)
def test_files_that_run_as_a_notebook_is_opened_are_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", code("1"))
    check_harmless(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("x = 1")
    with pytest.raises(PackageRefused, match="(?s)would (run|be imported).*Fix:"):
        check_harmless(tmp_path)


def test_a_package_is_shown_and_nothing_of_it_runs_before_yes(fresh: CommandLine) -> None:
    ran = fresh.folder / "ran"
    text = f"import subprocess\nfrom workbench import *\n{RUN.format(str(ran))}\nwb.define(RESTConnection('Rates'))"
    notebook = write(fresh.folder / "a.ipynb", code(text), code("!touch x"), code("%%test\nassert ran"))
    package = zipped(fresh.folder / "a b.zip", ("a.ipynb", notebook.read_bytes()), (".env", b"A=1"))
    notebook.unlink()
    done = fresh.run("open", "a b.zip", "--test")
    assert done.returncode == 1
    shown = {line[2:14].strip(): line for line in done.stdout.splitlines()[1:]}
    assert "3, 3 of code, 1 of these tests" in shown["cells"]
    assert shown["imports"].endswith("a shell, pathlib, subprocess")
    assert "REST 'Rates', played on this machine" in shown["connections"]
    assert shown["left out"].endswith(".env")
    assert "Fix: look at the above, and add --yes." in done.stderr
    # Not even its files are there.
    assert {each.name for each in fresh.folder.iterdir()} - {"runtime", "ipython"} == {package.name}


COMMANDS = {
    "x = !ls": "a shell",
    "%sx ls": "a shell",
    "%%bash\nls": "a shell",
    "get_ipython().system('ls')": "a shell",
    "%%perl\nprint 1": "%%perl",
    "import platform\nplatform.system()": "platform",
    "x = = 1": "what is no Python",
    f"x = {'-' * 20_000}1": "what is no Python",
    f"x = {'+'.join('1' * 20_000)}": "what is no Python",
}


@pytest.mark.parametrize("text", COMMANDS, ids=[each[:20] for each in COMMANDS])
@pytest.mark.parametrize("tag", ["", "scratch"])
def test_what_a_cell_can_reach_is_shown_whatever_its_tags(text: str, tag: str, tmp_path: Path) -> None:
    with Opening(str(write(tmp_path / "a.ipynb", code(text, tags=(tag,))))) as package:
        assert package.imports == [COMMANDS[text]]


def test_what_is_too_deep_to_be_looked_at_is_not_opened(tmp_path: Path) -> None:
    text = f"class Deep:\n    def handle(self):\n        return {'+'.join('1' * 700)}"
    with pytest.raises(PackageRefused, match="nested too deep.*Fix:"):
        Opening(str(write(tmp_path / "a.ipynb", code(text)))).__enter__()


def test_what_is_shown_cannot_change_the_terminal(tmp_path: Path) -> None:
    text = "from workbench import *\nsecret('A\\x1b[2J\\u202eB')"
    with Opening(str(write(tmp_path / "a.ipynb", code(text)))) as package:
        assert package.flow.secrets == ["A\x1b[2J\u202eB"]
        assert "A?[2J?B" in said(package)


def test_a_folder_is_opened_where_it_is_and_names_its_notebooks(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ipynb", code("1"))
    write(tmp_path / "test_a.ipynb", code("1"))
    arriving = Opening(str(tmp_path))
    with arriving as package:
        assert arriving.keep(package) == first.resolve()
    write(tmp_path / "b.ipynb", code("1"))
    with pytest.raises(
        WorkbenchError, match=r"holds 2 notebooks, and one is opened. Fix: name one of a.ipynb, b.ipynb"
    ):
        Opening(str(tmp_path)).__enter__()


def test_a_packed_repository_is_opened_below_its_folder(tmp_path: Path) -> None:
    notebook = write(tmp_path / "a.ipynb", code("1")).read_bytes()
    package = zipped(tmp_path / "x.zip", ("repo-main/a.ipynb", notebook), ("repo-main/.gitignore", b"x"))
    arriving = Opening(str(package), tmp_path / "out")
    with arriving as found:
        assert arriving.keep(found) == (tmp_path / "out" / "repo-main" / "a.ipynb").resolve()


class Site(ThreadingHTTPServer):
    """Answers by path, on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        status, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join(30)


def test_a_package_is_fetched_within_bounds(site: Site, tmp_path: Path) -> None:
    notebook = write(tmp_path / "a.ipynb", code("1"))
    site.answers["/x/my%20notebook.ipynb?a=1"] = (200, {}, notebook.read_bytes())
    site.answers["/go"] = (302, {"Location": "/x/my%20notebook.ipynb?a=1"}, b"")
    site.answers["/round"] = (302, {"Location": "/round"}, b"")
    site.answers["/outside"] = (302, {"Location": "http://example.com/a.zip"}, b"")
    with Opening(f"{site.url}/go") as package:
        assert package.notebook.name == "my notebook.ipynb"
        fetched = package.notebook
    assert not fetched.exists()
    for url, words in {
        f"{site.url}/none": "it answers 404",
        f"{site.url}/round": "from one address to another",
        f"{site.url}/outside": "not fetched over https",
        "http://ada:secret@example.com/a.zip": "example.com was not opened: it is not fetched over https",
        "ftp://example.com/a.zip": "not fetched over https",
        "https://ada:secret@[": "An address that is none was not opened",
        f"https://{'a' * 70}.example.com/a.zip": "as it was fetched",
    }.items():
        with pytest.raises(PackageRefused, match=f"{words}.*Fix:") as refused:
            fetch(url, tmp_path)
        assert "secret" not in str(refused.value)
    with pytest.raises(PackageRefused, match="it is over 0 MiB"):
        fetch(f"{site.url}/go", tmp_path, most_bytes=10)
    with pytest.raises(PackageRefused, match="takes too long"):
        fetch(f"{site.url}/go", tmp_path, seconds=0.0)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
def test_what_comes_drop_by_drop_is_given_up_in_time(head: bytes, tmp_path: Path) -> None:
    gave_up = threading.Event()

    def drip(server: socket.socket) -> None:
        connected, _ = server.accept()
        with connected, suppress(OSError):
            connected.recv(10_000)
            connected.sendall(head)
            while not gave_up.wait(0.05):
                connected.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        try:
            with pytest.raises(PackageRefused, match="it takes too long to fetch.*Fix:"):
                fetch(f"http://127.0.0.1:{server.getsockname()[1]}/a.zip", tmp_path, seconds=0.5)
            # It has not ended by itself.
            assert thread.is_alive()
        finally:
            gave_up.set()
            thread.join(30)


def test_the_address_of_a_stranger_leads_to_nothing_on_this_machine() -> None:
    for own in ("http://127.0.0.1:8888/delete", "https://localhost/delete", "http://[::1]/delete"):
        with pytest.raises(PackageRefused, match="example.com was not opened: it leads to this machine.*Fix:"):
            check_address(own, "https://example.com/a.zip")
        check_address(own, "http://localhost:8888/a.zip")
    check_address("https://example.org/a.zip", "https://example.com/a.zip")


def test_what_is_asked_to_be_installed_is_read_and_compared(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(
        "name: x\nchannels: [conda-forge]\ndependencies:\n  - python>=3.11\n  - pip\n  - requests=2.0.*  # old\n"
        "  - pip:\n      - notebook-workbench[peers]>=0.0.1\n      - no-such-package-of-anybody==1\n"
    )
    wanted = requirements_in(tmp_path)
    assert [str(each) for each in wanted] == [
        "requests==2.0.*",
        "notebook-workbench[peers]>=0.0.1",
        "no-such-package-of-anybody==1",
    ]
    old, missing = lacking(wanted)
    assert old.startswith("requests is 2.")
    assert missing == "no-such-package-of-anybody is not installed"


def test_a_line_of_a_stranger_is_read_in_one_go(tmp_path: Path) -> None:
    """To go over a line of 400 kB from each of its places would take hours."""
    (tmp_path / "environment.yml").write_text(f"dependencies:\n  - a{' ' * 200_000}x{' ' * 200_000}# y")
    with pytest.raises(WorkbenchError, match="names no package.*Fix:"):
        requirements_in(tmp_path)


@pytest.mark.parametrize(
    "line", ["x @ https://example.com/x.whl", "--index-url=https://example.com", "git+https://example.com/x", "../x"]
)
def test_what_is_no_package_by_name_is_not_installed(line: str, tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text(f"dependencies:\n  - pip:\n      - {line}\n")
    with pytest.raises(WorkbenchError, match="names no package.*Fix:"):
        requirements_in(tmp_path)


def test_names_are_made_portable_and_stay_readable() -> None:
    made = {
        "Größe 1: wer? <a>|b.ipynb": "Größe 1- wer- -a--b.ipynb",
        "Gro\u0308ße.ipynb": "Größe.ipynb",
        "CON.ipynb": "CON-.ipynb",
        "a. .ipynb": "a.ipynb",
        "...ipynb": "notebook.ipynb",
        "日本語.ipynb": "日本語.ipynb",
    }
    assert {name: portable(name) for name in made} == made
    assert all(wrong_with(each) == "" for each in made.values())
    assert portable("\ud800.ipynb") == "-.ipynb"
    assert len(portable("a." + "x" * 300)) == 200
    long = portable("ż" * 300 + ".ipynb")
    assert len(long.encode()) <= 200
    assert long.endswith("ż.ipynb")
    assert same_elsewhere(["a/Ö", "a/o\u0308", "B", "b/c", "d"]) == [("a/Ö", "a/o\u0308"), ("B", "b")]
