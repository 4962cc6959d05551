"""What may be secrets is shown one by one, and answered by a person or by options."""

from __future__ import annotations

import io

import pytest

from workbench.cli.reviewing import choices, review
from workbench.core.errors import WorkbenchError
from workbench.sharing.packing import NONE, REMOVE, Decision
from workbench.sharing.secrets import Found

FOUND = [Found(number, f"hunter{number}hunter", "password has it", (f"cell {number}",)) for number in (1, 2, 3)]


def test_a_person_is_asked_for_each_that_no_option_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("what\nn\n1 bad\nn\nMY_TOKEN\nk\n"))
    decided = review(FOUND, choices(["2"], [], []), asks=True)
    assert decided == {1: Decision("name", "MY_TOKEN"), 2: Decision(REMOVE), 3: Decision(NONE)}
    said = capsys.readouterr().out
    assert "1. hun... (13 characters): password has it; in cell 1" in said
    assert "hunter1" not in said
    assert "2. hun" not in said


def test_who_leaves_or_cannot_be_asked_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("q\nq\nr\n"))
    assert review(FOUND, {}, asks=True) == {3: Decision(REMOVE)}
    assert review(FOUND, {}, asks=False) == {}


def test_options_answer_by_number_or_for_all() -> None:
    given = choices(["all"], ["2=MY_TOKEN"], ["3"])
    assert review(FOUND, given, asks=False) == {1: Decision(REMOVE), 2: Decision("name", "MY_TOKEN"), 3: Decision(NONE)}


@pytest.mark.parametrize(
    ("remove", "name", "none", "words"),
    [
        (["x"], [], [], "'x' is no number of a finding"),
        ([], ["all=A"], [], "'all' is no number of a finding"),
        ([], ["1"], [], "'' is no name of a secret"),
        ([], ["1=a b"], [], "'a b' is no name of a secret"),
        (["1"], [], ["1"], "Finding 1 is told twice"),
    ],
)
def test_an_option_that_says_nothing_clear_is_refused(
    remove: list[str], name: list[str], none: list[str], words: str
) -> None:
    with pytest.raises(WorkbenchError, match=f"{words}.*Fix:"):
        choices(remove, name, none)


def test_of_a_short_value_nothing_is_shown() -> None:
    assert Found(1, "hunter22", "it looks like a secret", ("cell 1",)).shown == "... (8 characters)"
