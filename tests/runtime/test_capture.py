"""Prints and log lines of a call go to its trace and to `wb.log`, wherever the call makes them."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving import until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.masking import learn
from workbench.core.service import Service
from workbench.runtime import capture
from workbench.runtime.capture import KEPT_IN_TRACE
from workbench.runtime.traffic import LONGEST_LINE

lasting = ThreadPoolExecutor(1, "lasting")


class Talks(Service):
    name = "talks"

    def handle(self) -> None:
        print("one", "two")
        print("no end", end="")
        print(", then one")
        self.logger.info("logged %s", 5)
        logging.getLogger("elsewhere").warning("of a library")
        self.invoke("below")
        print("to stderr", file=sys.stderr)


class Below(Service):
    name = "below"

    def handle(self) -> None:
        print("from below")


def served(wb: Workbench, *classes: type[Service]) -> str:
    """The trace of a call of the first class by HTTP, drawn."""
    capture.install()  # pytest has put a stream of its own in place since the workbench was made
    wb.deploy(*classes)
    name = classes[0].name
    wb.define(RESTChannel(name, path=f"/{name}"))
    wb.call(f"GET /{name}")
    return repr(wb.traffic[-1])


def test_a_call_over_http_prints_into_its_trace_and_nowhere_else(
    wb: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served(wb, Talks, Below) == (
        "GET /talks 200\n"
        "  talks ok\n"
        "    print: one two\n"
        "    print: no end, then one\n"
        "    log: INFO logged 5\n"
        "    log: WARNING of a library\n"
        "    below ok\n"
        "      print: from below\n"
        "    print: to stderr"
    )
    assert capsys.readouterr() == ("", "")
    assert [(line.service, line.level, line.text) for line in wb.log.of(wb.traffic[-1].cid)] == [
        ("talks", "", "one two"),
        ("talks", "", "no end, then one"),
        ("talks", "INFO", "logged 5"),
        ("talks", "WARNING", "of a library"),
        ("below", "", "from below"),
        ("talks", "", "to stderr"),
    ]


def test_a_call_made_by_a_person_prints_before_their_eyes_too(
    wb: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    capture.install()
    wb.deploy(Talks, Below)
    wb.invoke("talks")
    shown = capsys.readouterr()
    assert shown.out == "one two\nno end, then one\nfrom below\n"
    assert shown.err == "to stderr\n"
    assert "print: from below" in repr(wb.traffic[-1])


def test_threads_and_pools_of_a_call_belong_to_it(wb: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    class Spawns(Service):
        name = "spawns"

        def handle(self) -> None:
            thread = threading.Thread(target=print, args=("in a thread",))
            thread.start()
            thread.join(30)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(print, "in a pool").result(30)
            lasting.submit(print, "in a pool that stays").result(30)

    for _ in range(2):
        assert served(wb, Spawns).splitlines()[2:] == [
            "    print: in a thread",
            "    print: in a pool",
            "    print: in a pool that stays",
        ]
    lasting.submit(print, "of nobody").result(30)
    assert "of nobody" not in repr(wb.traffic[-1])


def test_what_a_thread_of_a_call_raises_is_told_in_its_trace(wb: Workbench) -> None:
    class Spawns(Service):
        name = "spawns"

        def handle(self) -> None:
            thread = threading.Thread(target=lambda: [][1])
            thread.start()
            thread.join(30)

    told = []
    former = threading.excepthook
    threading.excepthook = lambda args: (told.append(args.exc_type), traceback.print_exception(args.exc_value))[0]
    try:
        trace = served(wb, Spawns)
    finally:
        threading.excepthook = former
    assert told == [IndexError]
    assert "print: IndexError: list index out of range" in trace


def test_tasks_of_an_async_call_belong_to_it(wb: Workbench) -> None:
    class Spawns(Service):
        name = "spawns"

        async def handle(self) -> None:
            print("before")
            await asyncio.sleep(0)

            async def task() -> None:
                print("in a task")

            await asyncio.gather(task(), asyncio.to_thread(print, "in a thread"))

    drawn = served(wb, Spawns).splitlines()
    assert drawn[2] == "    print: before"
    assert sorted(drawn[3:]) == ["    print: in a task", "    print: in a thread"]


def test_calls_at_the_same_time_keep_their_prints_apart(wb: Workbench) -> None:
    together = threading.Barrier(4)

    class Prints(Service):
        name = "prints"

        def handle(self) -> str:
            for i in range(50):
                print(self.request.http.params.who, i)
                if i == 25:
                    together.wait(30)
            return self.cid

    capture.install()
    wb.deploy(Prints)
    wb.define(RESTChannel("prints"))
    cids: dict[str, str] = {}

    def call(who: str) -> None:
        cids[who] = wb.call(f"GET /prints?who={who}").text

    threads = [threading.Thread(target=call, args=(who,)) for who in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for who in "abcd":
        assert [line.text for line in wb.log.of(cids[who])] == [f"{who} {i}" for i in range(50)]


def test_a_call_that_never_stops_talking_does_not_fill_the_memory(wb: Workbench) -> None:
    class Chatters(Service):
        name = "chatters"

        def handle(self) -> None:
            for i in range(3 * KEPT_IN_TRACE):
                print(i)
            for _ in range(100_000):
                print("x" * 10, end="")

    served(wb, Chatters)
    lines = wb.traffic[-1].lines
    assert len(lines) == KEPT_IN_TRACE + 2
    assert lines[-2] == f"WARNING more than {KEPT_IN_TRACE} lines; the others are in wb.log alone"
    assert lines[-1].strip("x") == ""
    assert len(lines[-1]) < 10_000
    assert wb.log.of(wb.traffic[-1].cid)[-1].text == str(3 * KEPT_IN_TRACE - 1)


def test_a_warning_inside_a_call_goes_to_its_trace(wb: Workbench) -> None:
    class Warns(Service):
        name = "warns"

        def handle(self) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                sys.stderr.writelines(["a warning\n", "and another\n"])

    assert served(wb, Warns).splitlines()[2:] == ["    print: a warning", "    print: and another"]


def test_failures_are_logged_under_their_cid_with_the_traceback(wb: Workbench) -> None:
    class Fails(Service):
        name = "fails"

        def handle(self) -> None:
            raise ValueError("the reason")

    number = Fails.handle.__code__.co_firstlineno + 1
    assert served(wb, Fails) == (
        "GET /fails 500\n  fails failed: ValueError\n"
        f"    ValueError: the reason ({__file__}, line {number}, in handle)\n"
        "    log: ERROR fails failed: the reason"
    )
    trace = wb.traffic[-1]
    [line] = wb.log.of(trace.cid)
    assert line.text.startswith("fails failed: the reason\nTraceback (most recent call last):")
    assert 'raise ValueError("the reason")' in line.text
    [step] = trace.steps("service")
    assert step.error.place.file == __file__
    assert str(step.error) == "ValueError: the reason"


def test_a_traceback_that_holds_a_secret_is_logged_without_it(wb: Workbench) -> None:
    class Fails(Service):
        name = "capture.fails-with-it"

        def handle(self) -> None:
            try:
                raise ValueError("it was canary-4711")
            except ValueError:
                self.logger.exception("a try has failed")

    learn("canary-4711")
    wb.deploy(Fails)
    wb.invoke("capture.fails-with-it")
    logged = "".join(line.text for line in wb.log)
    assert "Traceback (most recent call last)" in logged
    assert "ValueError: it was ***" in logged
    assert "canary-4711" not in logged


class Nameless(type):
    @property
    def __module__(cls) -> str:
        raise RuntimeError("nobody says where this class is from")


class Unwritable(Exception, metaclass=Nameless):
    """An error whose traceback cannot be written."""


def test_who_logs_a_traceback_that_cannot_be_written_gets_no_error(
    wb: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    learn("canary-of-a-traceback")
    try:
        raise Unwritable("canary-of-a-traceback")
    except Unwritable:
        logging.getLogger("elsewhere").exception("that went wrong")
    assert caplog.messages == ["that went wrong"]
    assert "its traceback cannot be written: RuntimeError" in caplog.text
    assert "canary" not in caplog.text


def test_of_a_secret_where_a_long_line_is_cut_nothing_is_left(wb: Workbench) -> None:
    class Talks(Service):
        name = "capture.cuts-it"

        def handle(self) -> None:
            long = "x" * (LONGEST_LINE - 5) + "canary-4711"
            print(long)
            self.logger.info(long)

    capture.install()
    learn("canary-4711")
    wb.deploy(Talks)
    wb.invoke("capture.cuts-it")
    assert len(wb.log) == 2
    assert "canar" not in "".join(line.text for line in wb.log)
    assert "canar" not in repr(wb.traffic) + "".join(wb.traffic[-1].lines)


def test_uninstalling_leaves_the_process_as_it_was() -> None:
    capture.install()
    assert isinstance(sys.stdout, capture.Tee)
    assert hasattr(threading.Thread.start, "_workbench_former")
    capture.uninstall()
    assert not isinstance(sys.stdout, capture.Tee)
    assert not isinstance(sys.stderr, capture.Tee)
    assert threading.Thread.start.__module__ == "threading"
    assert not hasattr(threading.Thread.start, "_workbench_former")
    assert not hasattr(ThreadPoolExecutor.submit, "_workbench_former")


def test_a_line_of_a_thread_that_outlives_its_call_still_finds_it(wb: Workbench) -> None:
    go = threading.Event()

    class Leaves(Service):
        name = "leaves"

        def handle(self) -> None:
            threading.Thread(target=lambda: (go.wait(30), print("late")), daemon=True).start()

    served(wb, Leaves)
    go.set()
    until(lambda: "print: late" in repr(wb.traffic[-1]), "the late line")
