"""YAML as a tree with lines: what scalars stand for, and every way in which a file is no tree."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.app.deploy.manifests.errors import MOST_SAID, WrongManifest
from workbench.app.deploy.manifests.tree import tree_of


def plain(text: str) -> Any:
    return tree_of(text, "f.yaml").plain


def refused(text: str) -> str:
    with pytest.raises(WrongManifest) as caught:
        tree_of(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2035-01-01", "2035-01-01"),
        ("true", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("1" * 5000, "1" * 5000),
        ("a b", "a b"),
    ],
)
def test_a_scalar_stands_for_what_yaml_1_2_says(text: str, value: object) -> None:
    found = plain(f"key: {text}\n")["key"]
    assert (found, type(found)) == (value, type(value))


def test_each_value_knows_the_line_of_its_key() -> None:
    tree = tree_of("# first\na: 1\nb:\n  - x\n  - c: |\n      text\n", "f.yaml")
    first, second = tree.value["b"].value
    assert (tree.value["a"].line, tree.value["b"].line, first.line) == (2, 3, 4)
    assert (second.line, second.value["c"].line, second.value["c"].value) == (5, 5, "text\n")


def test_json_is_read_too() -> None:
    assert plain('{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}


def test_an_anchor_is_its_value_again_and_own_keys_go_before_merged_ones() -> None:
    found = plain("a: &a {x: 1, y: 2}\nb: *a\nc:\n  <<: *a\n  y: 3\nd:\n  <<: [{x: 5}, *a]\n")
    assert (found["b"], found["c"], found["d"]) == ({"x": 1, "y": 2}, {"x": 1, "y": 3}, {"x": 5, "y": 2})


def test_nothing_is_an_empty_tree() -> None:
    assert plain("") is None
    assert plain("# a comment\n") is None


def laughs() -> str:
    """The billion laughs: each list holds the former one ten times."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{former}'] * 10)}]"
        for former, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1", "f.yaml:2: a tab indents this line, which YAML does not allow. Fix: indent it with spaces."),
        ("a: {b: 1,\n  b: 2}", "f.yaml:2: the key 'b' is there twice, first at line 1. Fix: keep one of them."),
        ("a: &x [*x]", "f.yaml:1: *x is within what &x names, a cycle. Fix: write the value out."),
        ("a: *y", "f.yaml:1: *y names nothing above it."),
        ("a: !!python/object/apply:os.system [x]", "f.yaml:1: the tag '!!python/object/apply:os.system' is not"),
        ("a: 1\n---\nb: 1", "f.yaml:2: a second document begins here. Fix: give each document a file of its own."),
        ("a: [1", "the file is no YAML here: while parsing a flow sequence"),
        ("a:\n  - b\n c: 1", "f.yaml:3: the file is no YAML here:"),
        ("[1]: x", "f.yaml:1: a list or mapping is a key here. Fix: write text as the key."),
        ("a:\n  <<: 5", "f.yaml:2: << takes a mapping, or a list of them. Fix: name the anchor of a mapping."),
        ("a: \x00", "f.yaml: the file is no YAML: unacceptable character"),
        ("a: " + "[" * 60, "f.yaml:1: lists and mappings are more than 50 deep here. Fix: write it flat."),
        (laughs(), "f.yaml:6: aliases make more than 500,000 values of it. Fix: write the values out."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(text: str, said: str) -> None:
    assert said in refused(text)
    assert refused(text).count("\n") == 0


def test_aliases_of_aliases_are_no_way_around_the_depth() -> None:
    chain = "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 5000))
    assert "f.yaml:49: lists and mappings are more than 50 deep" in refused(chain)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_a_file_of_brackets_is_refused_at_once(opening: str) -> None:
    assert "Fix:" in refused(opening * 500_000)


def test_several_mistakes_are_said_at_once_and_very_many_are_counted() -> None:
    many = "\n".join(f"k{i}: {{a: 1, a: 2}}" for i in range(MOST_SAID + 5))
    lines = refused(many).splitlines()
    assert (len(lines), lines[-1]) == (MOST_SAID + 1, "... and 5 more.")
