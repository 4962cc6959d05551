"""`wb.help()`: each topic has a page, and what a page names is there."""

from __future__ import annotations

import re

import pytest
import typer

from workbench.app.help import PAGES, page
from workbench.app.workbench import Workbench
from workbench.cli.main import app
from workbench.core.errors import UnknownName

TEXTS = {topic: page(topic).text for topic in ("", *PAGES)}


def test_the_first_page_names_every_topic_and_a_wrong_one_says_which_there_are() -> None:
    with Workbench() as wb:
        assert all(topic in wb.help().text for topic in PAGES)
        assert repr(wb.help("jobs")) == TEXTS["jobs"]
        assert wb.help("jobs")._repr_markdown_() == f"**jobs**\n\n{TEXTS['jobs']}"
        with pytest.raises(UnknownName, match="No topic is named 'job'; there are: .* Did you mean 'jobs'"):
            wb.help("job")


@pytest.mark.parametrize("topic", TEXTS)
def test_what_a_page_names_is_there(topic: str) -> None:
    with Workbench() as wb:
        named = set(re.findall(r"\bwb\.(\w+)", TEXTS[topic]))
        assert not {each for each in named if not hasattr(wb, each)}
    commands = {each.callback.__name__ for each in app.registered_commands if each.callback is not None}
    assert set(re.findall(r"^ *`?workbench (\w+)", TEXTS[topic], re.MULTILINE)) <= commands
    assert isinstance(app, typer.Typer)


@pytest.mark.parametrize("topic", PAGES)
def test_a_page_is_short(topic: str) -> None:
    assert len(TEXTS[topic].splitlines()) <= 20
