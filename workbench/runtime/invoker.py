"""Runs services: on this thread, on a worker, or on the loop; one chain, two drivers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from threading import Condition
from types import CoroutineType
from typing import Any

from workbench.core.call import INVOKE, Call, ChannelInfo, Deployment, Fan, Spooled, Surroundings, Task
from workbench.core.cid import new_cid
from workbench.core.current import CURRENT, PLAYING
from workbench.core.errors import ServiceUnavailable, ServiceUsage, UnknownName
from workbench.core.failure import drop_frames, mood_of_error
from workbench.core.forking import end_if_forked, process
from workbench.core.payload.asked import Asked, given
from workbench.core.ports import Limiter
from workbench.core.service import log_failure
from workbench.core.trace import Step, kept
from workbench.runtime import eager
from workbench.runtime.chain import chain
from workbench.runtime.fanning import Fanning
from workbench.runtime.loop import LoopThread, settle
from workbench.runtime.nesting import Ended, callbacks_of, check_nesting, replies, spool_of
from workbench.runtime.recording import asking
from workbench.runtime.registry import Version, found_service
from workbench.runtime.traffic import Traffic
from workbench.runtime.workers import Soon, Workers


class Invoker:
    """Takes a call, finds its service in the call's own snapshot, and drives the chain.

    Args:
        services: Gives the current snapshot; a nested call keeps its parent's.
        limiter: Gives the limit of a service by name, if it has one.
    """

    def __init__(
        self,
        services: Callable[[], Mapping[str, Deployment]],
        limiter: Callable[[str], Limiter | None],
        loop: LoopThread,
        workers: Workers,
        traffic: Traffic,
        surroundings: Surroundings,
    ) -> None:
        self._services, self._limiter = services, limiter
        self.loop, self.workers, self.traffic = loop, workers, traffic
        self._surroundings = surroundings
        # The workbench's own services, where a name may mean one of them.
        self.own: Callable[[str], Mapping[str, Deployment]] = lambda name: {}
        self._ended, self._performing = Condition(), 0

    def new_call(
        self,
        name: str,
        raw: Any,
        channel: ChannelInfo = INVOKE,
        *,
        cid: str = "",
        parent: Call | None = None,
        services: Mapping[str, Deployment] | None = None,
    ) -> Call:
        """A call of a service by name, under its parent's CID and snapshot if it has a parent."""
        if parent is not None:
            check_nesting(name, parent)
        elif (running := CURRENT.get()) is not None and running.replay is not None:
            running.replay.past(f"run {name!r} by itself")
        if services is None:
            services = parent.services if parent is not None else self._services()
        call = Call(
            name,
            raw,
            cid=cid or (parent.cid if parent is not None else new_cid()),
            channel=channel,
            services=services,
            surroundings=self._surroundings,
            parent=parent,
        )
        if parent is not None:
            call.address = parent.address
        return call

    # What a service and a person call.
    def invoke(
        self, name: str, payload: Any = "", parent: Call | None = None, channel: ChannelInfo | None = None
    ) -> Any:
        """Run a service on this thread; its errors pass on unchanged."""
        if parent is None:
            return self.run(self.new_root(name, payload, channel))
        with asking(parent, name, "invoke", payload) as asked:
            if asked.is_told:
                return asked.give(None)
            answer = self.run(self._nested(name, payload, parent, channel, asked))
            asked.returned(answer, self.traffic.record_bytes)
            return answer

    async def invoke_aio(
        self, name: str, payload: Any = "", parent: Call | None = None, channel: ChannelInfo | None = None
    ) -> Any:
        """Run a service for a caller on the loop: a sync one on a worker, an async one right here."""
        if parent is None:
            return await self._run_here(self.new_root(name, payload, channel))
        with asking(parent, name, "invoke", payload) as asked:
            if asked.is_told:
                return asked.give(None)
            answer = await self._run_here(self._nested(name, payload, parent, channel, asked))
            asked.returned(answer, self.traffic.record_bytes)
            return answer

    async def _run_here(self, call: Call) -> Any:
        if (version := self.version(call)).is_async:
            return await self.run_aio(call, version)
        waiting = asyncio.get_running_loop().create_future()
        self.submit(call, lambda answer, error: settle(waiting, answer, error))
        return await waiting

    def new_root(
        self,
        name: str,
        payload: Any,
        channel: ChannelInfo | None = None,
        services: Mapping[str, Deployment] | None = None,
    ) -> Call:
        """A call that nobody else has caused, recorded from its beginning."""
        call = self.new_call(name, payload, channel or INVOKE, services=services)
        call.play(PLAYING.replay)
        self.record(call, call.step)
        return call

    def record(self, call: Call, root: Step) -> None:
        """Keep a call that did not come by HTTP from its beginning, with what it was given."""
        call.step.given = given(call.raw, self.traffic.record_bytes)
        self.traffic.record(call.cid, root)

    def _nested(self, name: str, payload: Any, parent: Call, channel: ChannelInfo | None, asked: Asked) -> Call:
        call = self.new_call(name, payload, channel or INVOKE, parent=parent)
        asked.steps.append(call.step)
        call.play(parent.replay.entered() if parent.replay is not None else None)
        return call

    def invoke_async(self, name: str, payload: Any = "", parent: Call | None = None, callback: Any = None) -> str:
        """Run a service in the background under a new CID, which is returned at once."""
        if parent is None:
            return self._sent(name, payload, None, callback)
        with asking(parent, name, "invoke_async", payload) as asked:
            if asked.is_told:
                return str(asked.give(None))
            cid = self._sent(name, payload, parent, callback)
            asked.returned(cid, self.traffic.record_bytes)
            return cid

    def _sent(self, name: str, payload: Any, parent: Call | None, callback: Any) -> str:
        services = parent.services if parent is not None else self._services()
        task = Task(
            name,
            payload,
            services=services,
            address=parent.address if parent is not None else None,
            callbacks=callbacks_of(callback, services, parent),
        )
        # The payload may be the stream of a body that would end with the call it came with.
        self.send(task, spool_of(parent))
        return task.cid

    def fan_out(self, fan: Fan, parent: Call) -> str:
        """Run services side by side in the background; returns the CID by which others are told of them.

        Raises:
            UnknownName: One of those that are to run, or are to be told, is not there; none has begun.
            ServiceUnavailable: No worker is free for the first of them and the queue is full.
        """
        with asking(parent, fan.names, f"patterns.{fan.pattern}", fan.sent) as asked:
            if asked.is_told:
                return str(asked.give(None)[0])
            for name, _ in fan.targets:
                found_service(name, parent.services, self.own)
            cids = Fanning(fan, parent, self._call_back).start(self.send)
            asked.returned([fan.cid, cids], self.traffic.record_bytes)
            return fan.cid

    def send(self, task: Task, spool: Spooled | None = None, ended: Ended | None = None) -> None:
        """Have a task performed on a worker, and its answer sent to its callbacks.

        Args:
            spool: A body that is kept until the task has ended.
            ended: Called on that worker once it has, with the call, the answer and the error, in place of callbacks.

        Raises:
            UnknownName: No such service.
            ServiceUnavailable: No worker is free and the queue is full.
        """
        call = self.call_of(task)
        self.version(call)
        self.record(call, call.step)
        if spool is not None:
            spool.hold()
        with self._ended:
            self._performing += 1
        try:
            self._queue(call, partial(self._perform, call, spool, ended or self._reply))
        except ServiceUnavailable:
            self._performed(spool)
            raise

    def settle(self, timeout: float) -> bool:
        """Wait until every task that was sent has ended; whether that came within `timeout` [s]."""
        with self._ended:
            return self._ended.wait_for(lambda: self._performing == 0, timeout)

    def _performed(self, spool: Spooled | None) -> None:
        if spool is not None:
            spool.release()
        with self._ended:
            self._performing -= 1
            self._ended.notify_all()

    def call_of(self, task: Task) -> Call:
        """The call that performs a task."""
        call = self.new_call(task.service, task.payload, task.channel, cid=task.cid, services=task.services)
        call.task, call.address = task, task.address
        return call

    def _perform(self, call: Call, spool: Spooled | None, ended: Ended) -> None:
        answer: Any = None
        error: BaseException | None = None
        try:
            try:
                answer = self.run(call)
            except BaseException as exc:
                log_failure(call, exc)
                error = exc
            ended(call, answer, error)
        finally:
            self._performed(spool)

    def _reply(self, call: Call, answer: Any, error: BaseException | None) -> None:
        for task in replies(call, answer) if error is None else ():
            self._call_back(task, call)

    def _call_back(self, task: Task, replied: Call) -> None:
        """Run a service that is told how another ended, as a part of what that one caused."""
        call = self.call_of(task)
        replied.step.steps.append(call.step)
        try:
            self.run(call)
        except BaseException as exc:
            log_failure(call, exc)

    # What channels and jobs call.
    def version(self, call: Call) -> Version:
        """The version this call runs on; raises UnknownName."""
        try:
            return found_service(call.service, call.services, self.own)
        except UnknownName as exc:
            call.step.fail(exc)
            raise

    def start(self, call: Call, done: Callable[[Any, BaseException | None], None]) -> asyncio.Task[Any] | None:
        """Run a call for a channel, from the loop: an async service here and now, a sync one on a worker.

        `done` is called on the loop with the answer or the error; the task is given if the service waits here.

        Raises:
            UnknownName: No such service.
            ServiceUnavailable: No worker is free and the queue is full.
        """
        if (version := self.version(call)).is_async:
            return eager.start(self.run_aio(call, version), call, done)
        self.submit(call, done)
        return None

    def failed(self, call: Call, error: BaseException) -> None:
        """Log what a call raised, under its CID; after that it has no traceback any more."""
        log_failure(call, error)
        drop_frames(error)

    def background(self, task: Callable[[], None]) -> None:
        """Run a task on a worker."""
        self.workers.submit(task)

    @property
    def is_stuck(self) -> bool:
        """Whether as many workers hang as may, and none has taken a call for a while."""
        return self.workers.is_stuck

    def lend_spare(self) -> bool:
        """Allow one worker more, since one hangs."""
        return self.workers.lend_spare()

    def return_spare(self) -> None:
        """The worker that hung came back."""
        self.workers.return_spare()

    def submit(self, call: Call, done: Callable[[Any, BaseException | None], None]) -> None:
        """Run a call on a worker; `done` is called on the loop with the answer or the error.

        Raises:
            ServiceUnavailable: No worker is free and the queue is full.
        """

        def work() -> None:
            answer: Any = None
            error: BaseException | None = None
            if call.expired:
                call.step.end("never began: its time was over before a worker was free", "failed")
            else:
                try:
                    answer = self.run(call)
                except BaseException as exc:
                    error = exc
            self.loop.land(done, answer, error)

        self._queue(call, work, self.loop.loop.call_soon if self.loop.is_here else None)

    def _queue(self, call: Call, work: Callable[[], None], soon: Soon | None = None) -> None:
        try:
            self.workers.submit(work, soon)
        except ServiceUnavailable as exc:
            call.step.end("refused 503", mood_of_error(exc), exc)
            raise

    def run(self, call: Call) -> Any:
        """Drive the chain on this thread, which may wait."""
        version = self.version(call)
        if version.is_async:
            if self.loop.is_here:
                raise ServiceUsage(f"{call.service!r} is async. Fix: await self.invoke.aio({call.service!r}, ...)")
            return self.loop.run(self._run_watched(call, version))
        step, steps = call.step, chain(call, version, self._limiter(call.service))
        token, born = CURRENT.set(call), process()
        try:
            work = next(steps)
            while True:
                try:
                    result = work()
                except BaseException as exc:
                    end_if_forked(born, exc)
                    work = steps.throw(exc)
                else:
                    end_if_forked(born)
                    work = steps.send(result)
        except StopIteration as end:
            step.end("ok")
            if step.given is not None:
                step.answer = kept(end.value)
            return end.value
        except BaseException as exc:
            step.fail(exc)
            raise
        finally:
            CURRENT.reset(token)

    async def _run_watched(self, call: Call, version: Version) -> Any:
        return await eager.watched(self.run_aio(call, version), call)

    async def run_aio(self, call: Call, version: Version) -> Any:
        """Drive the chain on the loop, awaiting what can be awaited."""
        call.on_loop = True
        step, steps = call.step, chain(call, version, self._limiter(call.service))
        token, born = CURRENT.set(call), process()
        try:
            work = next(steps)
            while True:
                try:
                    result = work()
                    if isinstance(result, CoroutineType) or inspect.isawaitable(result):
                        result = await result
                except BaseException as exc:
                    end_if_forked(born, exc)
                    work = steps.throw(exc)
                else:
                    end_if_forked(born)
                    work = steps.send(result)
        except StopIteration as end:
            step.end("ok")
            if step.given is not None:
                step.answer = kept(end.value)
            return end.value
        except (SystemExit, KeyboardInterrupt) as exc:
            step.fail(exc)
            raise ServiceUsage(
                f"{call.service!r} is async; {type(exc).__name__} would stop the whole server. "
                f"Fix: return, or raise another error."
            ) from exc
        except BaseException as exc:
            step.fail(exc)
            raise
        finally:
            CURRENT.reset(token)
