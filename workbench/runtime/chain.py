"""The chain around every `handle`: the service's limit, the hooks, the answer.

It is a generator of things to call, so that one chain serves both colours; `invoker` drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from workbench.core.call import Call
from workbench.core.errors import BadRequest, CallerError, MethodNotAllowed, ServiceUsage, refusal
from workbench.core.payload.request import Request
from workbench.core.payload.response import Response
from workbench.core.ports import Decision, Limiter
from workbench.core.service import Service, log_refusal, logger_of
from workbench.runtime.registry import Version

Chain = Generator[Callable[[], Any], Any, Any]


def chain(call: Call, version: Version, limiter: Limiter | None) -> Chain:
    """Yield each thing to call and take its result; the return value is the answer.

    Errors of `handle` and of the `validate_*` hooks pass on. A CallerError raised by `before_handle` refuses the call;
    any other error of a hook is logged and the call goes on, as in Zato. `after_handle` and `finalize_handle` run also
    when `handle` raised.
    """
    if limiter is not None:
        yield from limited(call, limiter)
    service = instance_of(call, version)
    try:
        if version.accepts and not (yield service.accept):
            raise BadRequest("The service does not accept this request")
        job_type = call.task.job_type if call.task is not None and version.job_hooks else ""
        if job_type:
            yield from hooks(service, _job_hooks(job_type, version, "before"))
        if version.before:
            yield from hooks(service, version.before)
        if version.validates_input:
            yield service.validate_input
        try:
            answer = service.response.answer((yield handle_of(call, version, service)))
            if version.validates_output:
                yield service.validate_output
        finally:
            if version.after:
                yield from hooks(service, version.after)
        if job_type:
            yield from hooks(service, _job_hooks(job_type, version, "after"))
    finally:
        if version.finalizes:
            yield from hooks(service, ("finalize_handle",))
    return answer


def instance_of(call: Call, version: Version) -> Service:
    """A new instance for one call."""
    service = version.cls()
    service._call = call
    service.cid, service.channel = call.cid, call.channel
    if not service.name:  # it is made of module and class
        vars(service)["name"] = call.service
    service.request, service.response = Request(call, version.io), Response(version.io)
    call.response = service.response
    return service


def limited(call: Call, limiter: Limiter) -> Chain:
    """Ask the service's limit once."""
    check = limiter.check if call.on_loop else limiter.check_blocking
    decision: Decision = yield lambda: check(call.address, call.cid)
    call.step.steps.append(decision)
    if decision.denied:
        log_refusal(call, decision)
    if not decision.allowed:
        raise refusal(decision.denied, decision.headers)


def handle_of(call: Call, version: Version, service: Service) -> Callable[[], Any]:
    """The method that does the work: by HTTP verb if the service has such methods, else `handle`."""
    if version.verbs and call.http is not None:
        method = "GET" if call.http.method == "HEAD" and "HEAD" not in version.verbs else call.http.method
        if method not in version.verbs:
            raise MethodNotAllowed(allow=sorted({*version.verbs, *(("HEAD",) if "GET" in version.verbs else ())}))
        work = getattr(service, version.verbs[method])
    else:
        work = service.handle
        if version.verbs and version.cls.handle is Service.handle:
            raise ServiceUsage(
                f"Service {call.service!r} has only {', '.join(sorted(version.verbs.values()))}, reached by HTTP. "
                f"Fix: call it through its channel, or write a handle method."
            )
    if version.io.has_input:
        value = service.request.input
        if version.io.argument is not None and work == service.handle:
            return lambda: work(value)
    return work  # type: ignore[no-any-return]


def hooks(service: Service, names: tuple[str, ...]) -> Chain:
    """Call hooks one by one; only a CallerError of `before_handle` gets through."""
    for name in names:
        try:
            yield getattr(service, name)
        except Exception as exc:
            if isinstance(exc, CallerError) and name == "before_handle":
                raise
            logger_of(service._call.service).exception("hook %s failed", name)


def _job_hooks(job_type: str, version: Version, when: str) -> tuple[str, ...]:
    wanted = (f"{when}_job", f"{when}_{job_type}_job")
    return tuple(name for name in wanted if name in version.job_hooks)
