"""What is kept of an error is text: nothing of it holds what the failed call worked with."""

from __future__ import annotations

import json
import threading
import weakref

import pytest

from workbench.core.failure import (
    CODE_NAMES,
    LONGEST_SENTENCE,
    MOST_PLACES,
    Failure,
    failure_of,
    traceback_of,
)
from workbench.core.masking import learn
from workbench.core.trace import Step


class Body:
    """Something big that a call works with."""


def fail(body: Body) -> None:
    raise ValueError("no good")


def failure_from(body: Body) -> Failure:
    try:
        fail(body)
    except ValueError as exc:
        return failure_of(exc)
    raise AssertionError


def test_an_error_is_kept_as_its_class_its_sentence_and_the_users_line_first() -> None:
    failure = failure_from(Body())
    assert (failure.kind, failure.sentence, str(failure)) == ("ValueError", "no good", "ValueError: no good")
    assert failure.place is not None
    assert (failure.place.file, failure.place.function) == (__file__, "fail")
    assert [each.function for each in failure.places] == ["fail", "failure_from"]


def test_the_users_line_comes_before_the_library_that_raised() -> None:
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads("no json")
    place = failure_of(caught.value).place
    assert place is not None
    assert place.function == "test_the_users_line_comes_before_the_library_that_raised"


def test_a_step_that_failed_lets_go_of_what_the_call_worked_with() -> None:
    step, body = Step("service", "x"), Body()
    gone = weakref.ref(body)
    try:
        fail(body)
    except ValueError as exc:
        step.fail(exc)
    del body
    assert gone() is None
    assert step.error is not None
    assert step.error.sentence == "no good"


def test_causes_are_told_and_a_circle_of_them_ends() -> None:
    inner, outer = KeyError("a"), ValueError("b")
    outer.__cause__, inner.__cause__ = inner, outer
    assert str(failure_of(outer)) == "ValueError: b <- KeyError: 'a'"


def test_what_an_error_says_is_bounded_and_says_how_much_is_left_out() -> None:
    sentence = failure_of(ValueError("x" * 5_000_000)).sentence
    assert len(sentence) < LONGEST_SENTENCE + 100
    assert sentence.endswith("[4998000 more characters left out]")


def test_an_error_that_cannot_say_itself_is_told_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert failure_of(Mute()).sentence == "<its text raised RuntimeError>"


def test_of_a_deep_error_the_first_lines_and_the_last_are_kept() -> None:
    def deeper(left: int) -> None:
        if not left:
            raise ValueError("at the bottom")
        deeper(left - 1)

    with pytest.raises(ValueError, match="at the bottom") as caught:
        deeper(200)
    assert len(failure_of(caught.value).places) <= MOST_PLACES


def test_no_part_of_a_secret_is_kept_of_an_error_or_its_causes() -> None:
    learn("canary-4711")
    error = ValueError("x" * (LONGEST_SENTENCE - 5) + "canary-4711")
    error.__cause__ = KeyError("canary-4711")
    kept = failure_of(error)
    assert "canar" not in kept.sentence
    assert "canar" not in "".join(kept.causes)
    assert kept.causes == ("KeyError: '***'",)


def test_a_secret_that_is_learned_later_is_not_shown_of_an_error() -> None:
    kept = failure_of(ValueError("it was canary-4712"))
    learn("canary-4712")
    assert str(kept) == "ValueError: it was ***"
    assert "canary-4712" not in repr(kept)


def test_a_traceback_begins_at_the_users_line_and_names_cells_as_a_person_does() -> None:
    code = compile("import json\n\ndef ask():\n    json.loads('no json')\n", "/tmp/cell-7.py", "exec")
    names: dict[str, object] = {}
    exec(code, names)
    end = CODE_NAMES.follow(lambda file: "Cell In[7]" if file == "/tmp/cell-7.py" else None)
    try:
        with pytest.raises(ValueError, match="Expecting value") as caught:
            # A library that is on the way to the user's code, as the workbench itself is.
            list(json.JSONDecoder(object_hook=lambda _: names["ask"]()).decode("{}"))  # type: ignore[operator]
        told, place = traceback_of(caught.value), failure_of(caught.value).place
    finally:
        end()
    first = next(each for each in told.splitlines() if "File" in each)
    assert __file__ in first
    assert '  File "Cell In[7]", line 4, in ask' in told
    assert told.endswith("Expecting value: line 1 column 1 (char 0)")
    assert (str(place), CODE_NAMES.called("/tmp/cell-7.py")) == ("Cell In[7], line 4, in ask", "/tmp/cell-7.py")


def test_a_traceback_without_the_users_code_is_told_whole() -> None:
    caught: list[BaseException] = []
    thread = threading.Thread(target=json.loads, args=("no json",))
    former, threading.excepthook = threading.excepthook, lambda args: caught.append(args.exc_value or SystemExit())
    try:
        thread.start()
        thread.join(30)
    finally:
        threading.excepthook = former
    assert "in raw_decode" in traceback_of(caught[0])
