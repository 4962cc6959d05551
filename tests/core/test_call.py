"""What a call and a piece of work are made of."""

from __future__ import annotations

import pytest

from workbench.core.call import INVOKE_ASYNC, Task


def test_a_task_is_a_value_with_a_cid_of_its_own() -> None:
    task = Task("api.sample", {"a": 1})
    assert (task.channel, task.attempt, task.key, task.services, task.callbacks) == (INVOKE_ASYNC, 1, "", None, ())
    assert len(task.cid) == 24
    assert Task("api.sample").cid != task.cid
    assert Task("api.sample", {"a": 1}, cid=task.cid) == task
    with pytest.raises(AttributeError):
        task.attempt = 2  # type: ignore[misc]
