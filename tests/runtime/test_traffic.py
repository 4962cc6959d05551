"""What is kept of calls, and what is said when there is nothing."""

from __future__ import annotations

from typing import ClassVar

import pytest

from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.errors import UnknownName
from workbench.core.service import Service
from workbench.core.trace import Line, Step
from workbench.runtime import capture
from workbench.runtime.traffic import LONGEST_LINE, Log, LogLine, NothingThere, Traffic


def test_the_last_calls_are_kept_oldest_first() -> None:
    traffic = Traffic(kept=2)
    for cid in ("a", "b", "c"):
        traffic.record(cid, Step("service", f"api.{cid}"))
    assert [trace.cid for trace in traffic] == [trace.cid for trace in traffic[-5:]] == ["b", "c"]
    assert (traffic[-1].cid, traffic.find("b").cid) == ("c", "b")


def test_what_is_not_kept_is_said() -> None:
    traffic = Traffic()
    with pytest.raises(NothingThere, match=r"^Nothing is recorded yet\. Fix: call a service first\.$"):
        traffic[-1]
    traffic.record("a", Step("service", "api.a"))
    with pytest.raises(IndexError, match=r"^Only 1 are kept"):
        traffic[1]
    with pytest.raises(UnknownName, match="No recorded call is named 'b'"):
        traffic.find("b")


def test_the_log_keeps_so_many_bytes_the_newest_lines_and_says_what_is_left_out() -> None:
    log = Log(kept_bytes=1024 * 1024)
    for number in range(1000):
        log.append(LogLine(0.0, f"c{number}", "api.x", "INFO", "x" * 8000))
    assert sum(len(line.text) for line in log) <= log.kept_bytes
    assert (log[-1].cid, len(log) + log.left_out) == ("c999", 1000)
    assert repr(log).startswith(f"... {log.left_out} earlier lines left out, since all together may take 1 MiB\n")
    log.clear()
    assert (len(log), log.left_out, repr(log)) == (0, 0, "Nothing logged yet.")


def test_a_log_that_is_full_of_short_lines_leaves_the_oldest_out_without_a_word() -> None:
    log = Log(kept=3)
    for number in range(5):
        log.append(LogLine(0.0, f"c{number}", "api.x", "INFO", "short"))
    assert [line.cid for line in log] == ["c2", "c3", "c4"]
    assert log.left_out == 0


def test_traces_keep_so_many_bytes_the_newest_calls_and_say_what_is_left_out() -> None:
    traffic = Traffic(kept_bytes=1024 * 1024)
    for number in range(200):
        step = Step("service", f"api.{number}")
        traffic.record(f"c{number}", step)
        for _ in range(10):
            step.steps.append(Line("print", "x" * 8000))
            traffic.grow(8000)
    kept = sum(len(line) for trace in traffic for line in trace.lines)
    assert kept <= traffic.kept_bytes + 10 * 8200
    assert (traffic[-1].cid, len(traffic) + traffic.left_out) == ("c199", 200)
    assert repr(traffic).startswith(f"... {traffic.left_out} earlier calls left out")


class Talks(Service):
    """Prints, logs and raises at length."""

    name = "talks"
    text: ClassVar[str] = "x" * 5_000_000

    def handle(self) -> None:
        print(self.text)
        print(self.text, end="")
        print("the end")
        self.logger.warning(self.text)
        raise ValueError(self.text)


def test_what_a_service_says_at_length_is_cut_with_words_wherever_it_is_kept(wb: Workbench) -> None:
    capture.install()  # pytest has put its own stdout in place since
    wb.deploy(Talks)
    wb.define(RESTChannel("talks"))
    answer = wb.call("GET /talks")
    assert (answer.status, answer.trace is wb.traffic[-1]) == (500, True)
    [step] = wb.traffic[-1].steps("service")
    kept = [*wb.traffic[-1].lines, *(line.text for line in wb.log), str(step.error)]  # type: ignore[attr-defined]
    assert len(kept) >= 8
    assert max(map(len, kept)) <= 2 * LONGEST_LINE + 300
    assert sum("characters left out]" in each for each in kept) >= 7  # two of each print, three of the log, the error
