"""Faults a peer can be told to have, and for how long it has them."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from workbench.core.definition import field_types
from workbench.core.errors import InvalidDefinition, nearest

F = TypeVar("F", bound="Faults")


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The faults that every peer can have; a kind adds its own. Peers that are files have no network faults."""

    over_network: ClassVar[bool] = True

    delay_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="Wait before anything received is looked at [s].")
    ] = 0.0
    refuse: Annotated[bool, Meta(description="Be down: connections are refused, open ones are cut.")] = False
    hang_up_after_bytes: Annotated[
        int | None, Meta(description="Hang up once this many bytes went out on a connection [bytes].")
    ] = None
    bytes_per_second: Annotated[float | None, Meta(description="Send no faster than this [bytes/s].")] = None
    times: Annotated[
        int | None,
        Meta(description="How many answers are spoilt before the peer is well again; without it, until it is healed."),
    ] = None

    def habits(self) -> Faults:
        """What stays of them when all the answers to be spoilt have been: how the other side does things."""
        return type(self)(**{field: getattr(self, field) for field in self.__struct_fields__ if field in HABITS})


NETWORK = {"delay_seconds", "hang_up_after_bytes", "bytes_per_second", "times"}
StrangeNames = Annotated[
    tuple[str, ...],
    Meta(description="List these names too, as no honest server would; a byte that is no UTF-8 is a surrogate."),
]
HABITS = {
    "dialect",
    "key_and_password",
    "etags",
    "checksums",
    "conditions",
    "unchecked",
    "read_only",
    "size_told",
    "write_only",
}
SizeTold = Annotated[
    int | Literal["none"] | None,
    Meta(description="Tell this size of every file, whatever it has [bytes]; 'none' to tell no size."),
]
GrowsBy = Annotated[
    int | None,
    Meta(description="Append so many plus signs to a file each time it was read to its end [bytes]."),
]
UNCOUNTED = {*HABITS, "strange_names", "delay_seconds", "refuse", "bytes_per_second", "times"}


def faults_from(kind: type[F], owner: str, knobs: dict[str, Any]) -> F:
    """Check every knob; one error lists all that are wrong.

    Raises:
        InvalidDefinition: A knob that this kind does not have, or a value that it cannot take.
    """
    types = {field: what for field, what in field_types(kind).items() if kind.over_network or field not in NETWORK}
    problems: dict[str, str] = {}
    for knob, value in knobs.items():
        if knob in NETWORK and not kind.over_network:
            problems[knob] = f"is a fault of a network, and this is a file; there are {', '.join(types)}"
            continue
        if knob not in types:
            close = nearest(knob, types)
            problems[knob] = "is not a fault of it; " + (
                f"did you mean {close!r}?" if close else f"there are {', '.join(types)}"
            )
            continue
        try:
            msgspec.convert(value, types[knob])
        except msgspec.ValidationError as exc:
            problems[knob] = str(exc)
        else:
            if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
                problems[knob] = "must not be negative"
    if not problems and knobs.get("bytes_per_second") == 0:
        problems["bytes_per_second"] = "must be above 0; to send nothing at all, use delay_seconds"
    if not problems and "times" in knobs and not knobs.keys() - UNCOUNTED:
        problems["times"] = "counts spoilt answers, of which these faults have none; use heal()"
    if problems:
        raise InvalidDefinition("Fault of", owner, problems)
    return kind(**knobs)


class Trouble:
    """Faults in force on one peer; leaving its `with` block heals the peer.

    Args:
        faults: The faults.
        heal: Ends them.
        owner: The peer's name, for a person.
    """

    def __init__(self, faults: Faults, heal: Callable[[], None], owner: str) -> None:
        self.faults, self._heal, self._owner = faults, heal, owner
        self._left = faults.times

    @property
    def left(self) -> int | None:
        """How many more answers are to be spoilt; None for all of them."""
        return self._left

    def strikes(self) -> bool:
        """Whether one more answer is to be spoilt; counts it. On the peers' loop only."""
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    @property
    def over(self) -> bool:
        """Whether all the answers to be spoilt have been."""
        return self._left is not None and self._left <= 0

    def __enter__(self) -> Trouble:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heal()

    def __repr__(self) -> str:
        knobs = {
            field: value
            for field in self.faults.__struct_fields__
            if (value := getattr(self.faults, field)) != getattr(type(self.faults)(), field)
        }
        words = ", ".join(f"{field}={value!r}" for field, value in knobs.items())
        return f"{self._owner} has faults now: {words or 'none'}. Fix: .heal()"


def raw(name: str) -> bytes:
    """A name as it goes over the wire, whatever it is."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
