"""How much one workbench takes at once and keeps: each bound by name, with its default, in one place.

Each is a keyword of `Workbench`, and an environment variable for the workbench of a notebook or of `workbench serve`:
`threads` is `Workbench(threads=64)` and `WORKBENCH_THREADS=64`. README.md has them all in a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.inspect import Metadata, type_info

from workbench.channels.http.wire import bounds as wire
from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.payload import asked
from workbench.runtime import registry, traffic, workers
from workbench.scheduler.runs import bounds as of_runs
from workbench.scheduler.runs import pool

VARIABLE = "WORKBENCH_{}"
_client = wire.Bounds()


class Bounds(Struct, frozen=True, kw_only=True):
    """The bounds of one workbench. Those of one channel or connection are fields of its definition."""

    threads: Annotated[int, Meta(description="Services that run at once on threads, hung ones not counted.")] = (
        workers.WORKERS
    )
    waiting: Annotated[int, Meta(description="Calls that wait for a thread.")] = workers.WAITING
    connections: Annotated[int, Meta(description="Connections to the server at once.")] = _client.connections
    line_bytes: Annotated[int, Meta(description="Length of a request line [bytes].")] = _client.line_bytes
    header_bytes: Annotated[int, Meta(description="All headers of a request [bytes].")] = _client.header_bytes
    memory_bytes: Annotated[int, Meta(description="Request body kept in memory [bytes].")] = _client.memory_bytes
    bodies_bytes: Annotated[
        int, Meta(description="All bodies in memory whose requests have no answer yet [bytes].")
    ] = _client.bodies_bytes
    idle_seconds: Annotated[float, Meta(description="Silence between two requests, and time for a head [s].")] = (
        _client.idle_seconds
    )
    body_seconds: Annotated[float, Meta(description="Time for each 64 KiB of a body to come [s].")] = (
        _client.body_seconds
    )
    reader_seconds: Annotated[float, Meta(description="Time for each 64 KiB of an answer to be taken [s].")] = (
        _client.reader_seconds
    )
    traces: Annotated[int, Meta(description="Calls in `wb.traffic`.")] = traffic.KEPT_TRACES
    trace_bytes: Annotated[int, Meta(description="Lines and values of all traces [bytes].")] = traffic.KEPT_TRACE_BYTES
    record_bytes: Annotated[
        int, Meta(description="One input or answer, kept whole to run a call again; 4,096 at least [bytes].")
    ] = asked.RECORD_BYTES
    log_lines: Annotated[int, Meta(description="Lines in `wb.log`.")] = traffic.KEPT_LINES
    log_bytes: Annotated[int, Meta(description="Text of all lines in `wb.log` [bytes].")] = traffic.KEPT_LOG_BYTES
    versions: Annotated[int, Meta(description="Versions of one service that can be brought back.")] = (
        registry.KEPT_VERSIONS
    )
    job_threads: Annotated[int, Meta(description="Runs of jobs side by side, slow ones not counted.")] = of_runs.THREADS
    job_spares: Annotated[int, Meta(description="Further threads, which stand in for slow runs.")] = pool.SPARES
    job_runs: Annotated[int, Meta(description="Runs of one job in the store.")] = of_runs.KEEP_RUNS

    def of_clients(self) -> wire.Bounds:
        """What the server asks of its clients."""
        same = {name: getattr(self, name) for name in wire.Bounds._fields if name in self.__struct_fields__}
        return _client._replace(**same)

    def of_jobs(self) -> of_runs.Bounds:
        """What the scheduler runs at once and keeps."""
        return of_runs.Bounds(self.job_threads, self.job_spares, self.job_runs)


def bounds_of(given: Mapping[str, float]) -> Bounds:
    """Bounds by name, the others as they are by default.

    Raises:
        TypeError: There is no such bound.
        ServiceUsage: A value is none that it can have.
    """
    for name, value in given.items():
        if name not in Bounds.__struct_fields__:
            raise TypeError(f"Workbench() got an unexpected keyword argument {name!r}")
        is_number = isinstance(value, int | float if name.endswith("_seconds") else int) and not isinstance(value, bool)
        if not is_number or value < 1:
            raise ServiceUsage(f"A workbench cannot have {name}={value!r}. Fix: {name}=1 or more.")
    return Bounds(**given)  # type: ignore[arg-type]


def bounds_in(environ: Mapping[str, str]) -> dict[str, Any]:
    """The bounds that environment variables set, by name.

    Raises:
        WorkbenchError: One is set to what is no number.
    """
    found: dict[str, Any] = {}
    for name in Bounds.__struct_fields__:
        told = environ.get(variable := VARIABLE.format(name.upper()), "").strip()
        if told and not (told.isascii() and told.isdecimal() and int(told) > 0):
            raise WorkbenchError(f"{variable} is {told!r}, which is no bound. Fix: give a whole number, 1 or more.")
        if told:
            found[name] = int(told)
    return found


def descriptions() -> dict[str, str]:
    """What each bound is of, by name."""
    told: Any = type_info(Bounds)
    return {
        each.name: str((each.type.extra_json_schema or {})["description"])
        for each in told.fields
        if isinstance(each.type, Metadata)
    }
