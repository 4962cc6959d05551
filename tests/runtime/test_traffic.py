"""What is kept of calls, and what is said when there is nothing."""

from __future__ import annotations

import pytest

from workbench.core.errors import UnknownName
from workbench.core.trace import Step
from workbench.runtime.traffic import NothingThere, Traffic


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
