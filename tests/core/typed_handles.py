"""Services as a person types them; the type checker must find nothing wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from workbench import Service


@dataclass
class Order:
    """What comes in."""

    number: int


class Plain(Service):
    """Takes nothing."""

    def handle(self) -> str:
        return self.cid


class Typed(Service):
    """Takes a model and gives one."""

    def handle(self, order: Order) -> Order:
        return Order(order.number + 1)


class Waiting(Service):
    """Waits on the loop."""

    async def handle(self, order: Order) -> Order:
        return order


class Narrower(Typed):
    """Takes the place of another's."""

    def handle(self, order: Order) -> Order:
        return Typed.handle(self, order)
