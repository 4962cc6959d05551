"""Services that declare what they take and give in every way there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta, Struct
from pydantic import BaseModel

from workbench import Service
from workbench.core.payload.elements import CSV, Date, Dict, DictList, Float


@dataclass
class Line:
    sku: Annotated[str, Meta(min_length=1, description="What is ordered.")]
    count: Annotated[int, Meta(ge=1, le=999)] = 1


@dataclass
class Order:
    """An order, with its lines."""

    id: int
    lines: list[Line]
    note: str | None = None
    tags: list[str] = field(default_factory=list)


class Reply(TypedDict):
    id: int
    total: int
    note: NotRequired[str]


class TakeOrder(Service):
    """Take an order.

    Each line is counted.
    """

    name = "shop.order.take"

    def handle(self, order: Order) -> Reply:
        return {"id": order.id, "total": sum(each.count for each in order.lines)}


class FindKey(TypedDict):
    sku: str
    most: NotRequired[Annotated[int, Meta(ge=1, le=50)]]


class Found(Struct):
    sku: str
    most: int


class Find(Service):
    """Find what is called so."""

    name = "shop.find"
    input = FindKey
    output = Found

    def handle(self) -> Found:
        return Found(self.request.input["sku"], self.request.input.get("most", 1))


class Profile(BaseModel):
    name: str
    age: int | None = None


class SaveProfile(Service):
    name = "shop.profile.save"
    input = Profile
    output = Profile

    def handle(self) -> Profile:
        profile: Profile = self.request.input
        return profile


class Elements(Service):
    """Take SimpleIO's elements."""

    name = "shop.elements"
    input = "id", "is_new", "-label", CSV("colours", default=["red"]), Date("-day"), Float("-share")
    output = "id", "is_new", "-label", "colours", "-day"

    def handle(self) -> None:
        self.response.payload.id = self.request.input.id
        self.response.payload.is_new = self.request.input.is_new
        self.response.payload.colours = ",".join(map(str, self.request.input.colours))  # JSON may bring any list


class Nested(Service):
    name = "shop.nested"
    input = Dict("address", "street", "-zip_code"), DictList("rows", "sku")
    output = "row_count"

    def handle(self) -> None:
        self.response.payload.row_count = len(self.request.input.rows)


class ByVerb(Service):
    name = "shop.by-verb"

    def handle_GET(self) -> str:
        """Read it."""
        return "read"

    def handle_DELETE(self) -> str:
        """Delete it."""
        return "deleted"


class Anything(Service):
    name = "anything"

    def handle(self) -> str:
        return "ok"


class OwnStatus(Service):
    name = "own.status"

    def handle(self) -> None:
        self.response.status_code = 202
        self.response.payload = {"accepted": True}


SERVICES = (TakeOrder, Find, SaveProfile, Elements, Nested, ByVerb, Anything, OwnStatus)
