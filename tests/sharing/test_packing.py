"""`workbench share`: what leaves with a notebook, and what does not."""

from __future__ import annotations

import json
import re
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CommandLine
from tests.sharing.running import run
from tests.testing.notebooks import code, markdown, printed, write
from workbench.sharing.bundle import WRITTEN, NotShareable
from workbench.sharing.environment import needed
from workbench.sharing.packing import NONE, REMOVE, Decision, _publish, share
from workbench.sharing.rerun import RunFailed
from workbench.sharing.secrets import Found
from workbench.testing.lint.notebook import Notebook

CANARIES = [f"canary{number:02d}-Zq{number * 7919}x" for number in range(1, 24)]
HELLO = (
    'class Hello(Service):\n    """Greets."""\n    name = "api.hello"\n    def handle(self):\n        return "Hello!"'
)
NAME = "Über: Größe? 1.ipynb"
# In parts, so that no scanner takes them for secrets of ours.
AWS = "AKIA" + "CANARYCANARYCANA"


def nobody(found: list[Found]) -> dict[int, Decision]:
    """Whoever may not be asked anything."""
    raise AssertionError(f"Nothing should be found: {found}")


def everything(what: str, name: str = "") -> Any:
    """One answer to all."""
    return lambda found: {each.number: Decision(what, name) for each in found}


def with_canaries(folder: Path) -> Path:
    """A notebook with a canary wherever a person may type or leave one."""
    c = iter(CANARIES)
    cells = [
        markdown(f"# Prices\nThe password: {next(c)}\n```\nPARTNER_TOKEN={next(c)}\n```\n![a](attachment:a.txt)"),
        code(
            "import os\nimport beside\nfrom workbench import *\n"
            f'wb.define(BasicAuth("ada", password="{next(c)}"),\n'
            f'          APIKey("partner", key="{next(c)}"))\n'
            f'wb.define(RESTConnection("Rates", host="https://rates.example.com",\n'
            f'          headers={{"Authorization": "Bearer {next(c)}", "X-API-Key": "{next(c)}"}}))'
        ),
        code(HELLO),
        code(
            f'API_TOKEN = "{next(c)}"\nsecret_key: str = \'{next(c)}\'\nos.environ["A_TOKEN"] = "{next(c)}"\n'
            f'os.environ.setdefault("B_TOKEN", """{next(c)}""")\n# the old password: {next(c)}\n'
            f'url = "https://ada:{next(c)}@example.com/"\nauth = dict(auth=("ada", "{next(c)}"))\n'
            f'text = f"password={next(c)} {{url}}"; aws = "{AWS}"\nprint("ran")'
        ),
        code("%%test it greets\nassert wb.invoke('api.hello') == 'Hello!'"),
        code("2", printed(f"token={next(c)}\n")),
        code("3", printed(f"token={(kept := next(c))}\n"), tags=("keep_output",)),
    ]
    data = {"data": {"text/html": f"<img src='data:;base64,{b64encode(b'x' + kept.encode()).decode()}'>"}}
    cells[-1]["outputs"] += [{"output_type": "display_data", "metadata": {}, **data}]
    cells[0]["attachments"] = {"a.txt": {"text/plain": b64encode(f"api_key={next(c)}".encode()).decode()}}
    cells[2]["metadata"] = {"papermill": {"parameters": {"api_key": next(c)}}}
    path = write(folder / NAME, *cells)
    notebook = json.loads(path.read_text())
    notebook["metadata"] |= {"author": {"accessToken": next(c)}, "widgets": {"state": {"a": {"value": next(c)}}}}
    path.write_text(json.dumps(notebook))
    (folder / "beside.py").write_text(f'"""A module."""\nimport json\nPASSWORD = "{next(c)}"\n')
    (folder / "cassettes").mkdir()
    in_cassette, known = next(c), next(c)
    (folder / "cassettes" / "it greets.json").write_text(
        json.dumps({"asked": {"client_secret": in_cassette, "x": known}})
    )
    (folder / ".env").write_text(f"OF_THE_ENV={known}\n")
    (folder / ".hidden").write_text("x")
    assert next(c, None) is None
    return path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package made of a notebook with canaries, all of them taken out."""
    path = with_canaries(tmp_path_factory.mktemp("canaries"))
    target = path.parent / "packed" / "prices.zip"
    share(path, target, everything(REMOVE))
    return target


def test_a_package_is_green_where_it_is_opened(packed: Path, fresh: CommandLine) -> None:
    done = run(fresh, "open", str(packed), "--test", "--yes")
    assert done.returncode == 0, done
    assert "6 passed" in done.stdout
    assert "REST 'Rates' https://rates.example.com" in done.stdout
    assert (fresh.folder / "prices" / "index.html").is_file()


@pytest.fixture(scope="module")
def texts(packed: Path) -> dict[str, str]:
    with zipfile.ZipFile(packed) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_no_canary_of_a_notebook_and_what_lies_beside_it_travels(texts: dict[str, str]) -> None:
    forms = {form for each in (*CANARIES, AWS) for form in (each, *coded(each))}
    assert [(name, form) for name, text in texts.items() for form in forms if form in text] == []


def coded(text: str) -> Iterator[str]:
    """A text within base64, at each of its three places."""
    for before in range(3):
        yield b64encode(b"x" * before + text.encode()).decode()[4:-4]


def test_a_package_holds_what_a_person_needs_and_nothing_hidden(texts: dict[str, str]) -> None:
    name = "Über- Größe- 1.ipynb"
    assert sorted(texts) == sorted(
        ["README.md", "beside.py", "cassettes/it greets.json", "environment.yml", "index.html", name]
    )
    assert "# Prices" in texts["README.md"]
    assert "workbench open . --test" in texts["README.md"]
    assert "- notebook-workbench>=" in texts["environment.yml"]
    assert texts["beside.py"] == '"""A module."""\nimport json\nPASSWORD = "***"\n'
    assert json.loads(texts["cassettes/it greets.json"]) == {"asked": {"client_secret": "***", "x": "***"}}


def test_the_notebook_travels_with_what_it_showed_in_a_clean_kernel(texts: dict[str, str]) -> None:
    notebook = json.loads(texts["Über- Größe- 1.ipynb"])
    assert "widgets" not in notebook["metadata"]
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    assert cells["c4"]["outputs"][0]["text"] == "ran\n"
    assert cells["c6"]["outputs"][0]["data"]["text/plain"] == "2"
    assert "".join(cells["c7"]["outputs"][0]["text"]) == "token=***\n"
    assert [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"] == [
        1,
        2,
        3,
        4,
        5,
        None,
    ]


def test_the_same_package_is_the_same_bytes(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        assert {each.date_time for each in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert opened.namelist() == sorted(opened.namelist())


def test_what_is_found_is_shown_and_nothing_is_packed(fresh: CommandLine) -> None:
    write(fresh.folder / "a.ipynb", code(f'password = "{CANARIES[0]}"'))
    said = fresh.refused("share", "a.ipynb")
    assert f"1. can... ({len(CANARIES[0])} characters): password has it; in cell 1" in said
    assert "--remove N, --name N=NAME" in said
    assert CANARIES[0] not in said
    assert not (fresh.folder / "a.zip").exists()


ALLOWED, UNALLOWED, NAMED = CANARIES[0], CANARIES[1], CANARIES[2]
LATE = "ghp_" + "a1B2" * 9
WEAK = 'class source:\n    password = "source"\nprint(source.__name__ and "yes")'


class Reviewed:
    """A notebook packed by a person who answers for each value that is found."""

    def __init__(self, folder: Path) -> None:
        self.path = write(
            folder / "a.ipynb",
            code("import workbench, uuid\nprint(uuid.uuid4())"),
            code(f'password = "{ALLOWED}"  # workbench: allow secret-in-notebook: of a demonstration\n'),
            code(WEAK),
            code(f'%%test x\nAPI_TOKEN = "{NAMED}"  # {NAMED}\ntoken = f"{NAMED}"\n'),
            code(f'the_secret = "{UNALLOWED}"'),
            code('half = "ghp_" + "a1B2"*9\nprint(half)'),
            code("print(open('data/a.csv').read())"),
        )
        (folder / "data").mkdir()
        (folder / "data" / "a.csv").write_text("1,2")
        self.target = folder / "a.zip"
        self.target.write_text("a former package")
        self.found: list[Found] = []
        self.made = share(self.path, self.target, self.answer, [folder / "data"], replace=True)
        with zipfile.ZipFile(self.target) as opened:
            self.texts = {name: opened.read(name).decode() for name in opened.namelist()}
        self.cells = json.loads(self.texts["a.ipynb"])["cells"]

    def answer(self, found: list[Found]) -> dict[int, Decision]:
        self.found += found
        answers = {"source": Decision(REMOVE), NAMED: Decision("name", "TOKEN"), UNALLOWED: Decision(NONE)}
        return {each.number: answers.get(each.value, Decision(REMOVE)) for each in found}

    def text(self, number: int) -> str:
        return "".join(self.cells[number - 1]["source"])


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    return Reviewed(tmp_path_factory.mktemp("reviewed"))


def test_a_person_answers_for_each_value_once(reviewed: Reviewed) -> None:
    places = {each.value: each.where for each in reviewed.found}
    assert places == {"source": ("cell 3",), NAMED: ("cell 4",), UNALLOWED: ("cell 5",), LATE: ("cell 6, output",)}
    assert [each.number for each in reviewed.found] == [1, 2, 3, 4]


def test_a_value_is_named_where_it_stands_alone_and_hidden_elsewhere(reviewed: Reviewed) -> None:
    named = '%%test x\nfrom workbench import secret\nAPI_TOKEN = secret("TOKEN")  # ***\ntoken = f"***"\n'
    assert reviewed.text(4) == named
    # The person's own notebook stays as it was.
    assert NAMED in reviewed.path.read_text()


def test_what_is_none_or_allowed_by_a_comment_stays(reviewed: Reviewed) -> None:
    assert ALLOWED in reviewed.text(2)
    assert UNALLOWED in reviewed.text(5)


def test_a_weak_password_is_taken_out_and_words_of_the_language_stay(reviewed: Reviewed) -> None:
    assert reviewed.text(3) == WEAK.replace('"source"', '"***"')


def test_a_value_that_a_run_prints_is_found_in_what_it_showed(reviewed: Reviewed) -> None:
    assert [name for name, text in reviewed.texts.items() if LATE in text] == []
    assert reviewed.cells[5]["outputs"][0]["text"].split() == ["***"]


def test_outputs_that_differ_from_run_to_run_do_not_travel(reviewed: Reviewed) -> None:
    differs, same = reviewed.cells[0], reviewed.cells[6]
    assert (reviewed.made.changes, differs["outputs"], differs["execution_count"]) == ([1], [], None)
    assert same["outputs"][0]["text"] == "1,2\n"


def test_a_file_that_it_needs_is_brought_along(reviewed: Reviewed) -> None:
    assert reviewed.texts["data/a.csv"] == "1,2"


NEEDS = {
    'SOAPConnection("a", host="https://b.example.com", wsdl="/?wsdl")': "[soap]",
    'ZeroMQConnection("a", address="tcp://b.example.com:1")': "",
    'wb.fuzz("api.hello")': "[fuzz]",
    'wb.define(S3Connection("S", bucket="b"))\nwb.fuzz("api.hello")': "[fuzz,peers,s3]",
    'other.fuzz("api.hello")': "",
}


@pytest.mark.parametrize("text", NEEDS)
def test_what_a_notebook_asks_of_the_workbench_is_in_its_environment(text: str, tmp_path: Path) -> None:
    notebook = Notebook(write(tmp_path / "a.ipynb", code(f"from workbench import *\n{text}")))
    assert needed(notebook, tmp_path).requirements[0].partition(">=")[0] == f"notebook-workbench{NEEDS[text]}"


WRONG: list[tuple[str, type[Exception], str]] = [
    ("import no_such_module_of_anybody", NotShareable, "Nothing installed here brings what it imports: no_such_module"),
    (
        "print(open('data.csv').read())",
        RunFailed,
        r"Cell 1 .* failed in a clean kernel: FileNotFoundError",
    ),
    (
        "from workbench import *\nclass Tide(ConnectionDefinition, tag='tide', frozen=True, kw_only=True):\n"
        "    attributes = {'out.tide': 'conn'}\nwb.define(Tide('Baltic'))",
        NotShareable,
        "No peer can play .*Baltic",
    ),
]


@pytest.mark.parametrize(("text", "error", "words"), WRONG, ids=[re.sub(r"\W+", " ", each[2])[:30] for each in WRONG])
def test_what_cannot_run_elsewhere_is_not_packed(text: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code(text))
    (tmp_path / "data.csv").write_text("1")
    with pytest.raises(error, match=f"(?s){words}.*Fix:"):
        share(path, tmp_path / "out", nobody)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.ipynb", "data.csv"]


def test_files_that_one_disk_takes_for_one_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1"))
    more = [tmp_path / "Data.csv", tmp_path / "data.csv"]
    for each in more:
        each.write_text("1")
    with pytest.raises(NotShareable, match=r"'Data.csv' and 'data.csv' are one file on a disk that ignores case.*Fix:"):
        share(path, tmp_path / "out", nobody, more)


def test_a_link_and_a_name_that_windows_has_not_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1"))
    (tmp_path / "link").symlink_to("/etc/hostname")
    (tmp_path / "what?").write_text("1")
    (tmp_path / "aux.txt").write_text("1")
    for name, words in (("link", "is a link"), ("what?", "not every system"), ("aux.txt", "not every system")):
        with pytest.raises(NotShareable, match=words):
            share(path, tmp_path / "out", nobody, [tmp_path / name])


def test_what_is_there_is_replaced_only_if_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1"))
    target = tmp_path / "a.zip"
    target.write_text("mine")
    with pytest.raises(NotShareable, match="is there already"):
        share(path, target, nobody)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "mine").touch()
    with pytest.raises(NotShareable, match="name another by --to"):
        share(path, foreign, nobody, replace=True)


@pytest.mark.parametrize("name", ["former", "made", "out"])
def test_a_folder_of_any_name_is_replaced_and_leaves_nothing_beside_it(name: str, tmp_path: Path) -> None:
    staged, target = tmp_path / "staged", tmp_path / "site" / name
    for folder, text in ((target, "old"), (staged, "new")):
        folder.mkdir(parents=True)
        (folder / "index.html").write_text(text)
    _publish(staged, ["index.html"], target)
    assert {each.name for each in target.parent.iterdir()} == {name}
    assert (target / "index.html").read_text() == "new"


def test_a_folder_that_holds_more_than_a_package_is_never_replaced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1"))
    site, opened = tmp_path / "site", tmp_path / "opened"
    for folder, names in {
        site: ("index.html",),
        tmp_path / "repository": (*WRITTEN, ".gitignore"),
        opened: (*WRITTEN, "data.csv"),
        tmp_path / "folder.zip": WRITTEN,
    }.items():
        folder.mkdir()
        for name in names:
            (folder / name).write_text("mine")
        if folder != opened:
            with pytest.raises(NotShareable, match="is there already. Fix: name another by --to"):
                share(path, folder, nobody, replace=True)
    inside = write(opened / "a.ipynb", code("1"))
    for notebook, more in ((inside, []), (path, [opened / "data.csv"])):
        with pytest.raises(NotShareable, match="opened holds .* itself, which would be lost.*Fix:"):
            share(notebook, opened, nobody, more, replace=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotShareable, match="is there already"):
        share(path, tmp_path / "file", nobody, replace=True)
