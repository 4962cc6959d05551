"""Internal services: one class an action, made for each family, callable as any service is and listed apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple

from workbench.app.book import Book
from workbench.app.collections import Collection
from workbench.app.serving.internal.by_name import PREFIXES
from workbench.app.serving.internal.families import Family, families
from workbench.core.definition import Definition, field_types
from workbench.core.errors import BadRequest, NameTaken, UnknownName
from workbench.core.service import Service
from workbench.scheduler.jobs import Jobs


class Side(NamedTuple):
    """What internal services act on: how one defines, and under which lock, all definitions, services and jobs."""

    lock: AbstractContextManager[Any]
    define: Callable[[Definition], object]
    book: Book
    services: Collection[Any]
    jobs: Callable[[], Jobs]


class Internal(Service):
    """An internal service: what it acts on, for which family, what it does, and the fields it takes."""

    side: ClassVar[Side]
    family: ClassVar[Family]
    about: ClassVar[str] = ""
    takes: ClassVar[tuple[str, ...]] = ("name",)

    def handle(self) -> Any:
        """Act, unless the call is rehearsed: that changes nothing."""
        if self._call.replay is not None:
            self._call.replay.past(f"run {self.name!r}")
        return self.act()

    def act(self) -> Any:
        """What the service does."""
        raise NotImplementedError

    @property
    def given(self) -> dict[str, Any]:
        """The fields of the request; raises BadRequest if there are none."""
        payload = self.request.payload
        if payload in ("", None):
            return {}
        if not isinstance(payload, Mapping):
            raise BadRequest(f"{self.name} takes fields by name, not {payload!r:.80}. Fix: send an object, {{...}}.")
        return dict(payload)

    @property
    def wanted(self) -> str:
        """The name in the request, which Zato also calls id."""
        given = self.given
        name = given.get("id", given.get("name", ""))
        if not isinstance(name, str) or not name:
            raise BadRequest(f"{self.name} needs a name. Fix: {{'name': '...'}}.")
        return name

    def found(self, name: str) -> Definition:
        """The one definition that a name and the other fields mean; raises UnknownName, or BadRequest for several."""
        there = self.all()
        meant = [each for each in there if each.full_name == name]
        if not meant:
            raise UnknownName(self.word, name, [each.full_name for each in there])
        if len(meant) > 1:
            fix = f"say which by {' and '.join(self.family.chosen_by)}"
            raise BadRequest(f"{self.name} may mean {' or '.join(map(str, meant))}. Fix: {fix}.")
        return meant[0]

    def all(self) -> list[Definition]:
        """Every definition of this family that the fields may mean."""
        classes = self.family.classes_of(self.given)
        collections = dict.fromkeys(each.collection for each in classes)
        return [each for name in collections for each in self.side.book.of(name).values() if type(each) in classes]

    @property
    def word(self) -> str:
        """The word for what this family makes."""
        return self.family.classes[0].kind


class Create(Internal):
    about = "{kind}: make one, of which no other has the name"

    def act(self) -> dict[str, Any]:
        given = self.given
        given.pop("id", None)
        made: Definition = (of := self.family.class_of(given))(**self.family.fields(of, given))
        collection, name = made.collection, made.full_name
        with self.side.lock:
            if name in self.side.book.of(collection):
                first, edit = str(self.side.book.origin(collection, name)), self.name.removesuffix("create") + "edit"
                fix = f"{edit} changes it; or choose another name."
                raise NameTaken(self.side.book.rows[collection].word.capitalize(), name, first, self.name, fix=fix)
            self.side.define(made)
        return {"id": name, "name": name}


class Edit(Internal):
    about = "{kind}: change fields of one; the others stay, and one that is sent empty has its default"

    def act(self) -> dict[str, Any]:
        given = self.given
        with self.side.lock:
            before = self.found(self.wanted)
            if (name := given.pop("name", before.name)) != before.name:
                raise BadRequest(f"{before} cannot become {name!r:.80}. Fix: create that one, and delete this one.")
            self.side.define(self.family.changed(before, given))
        return {"id": before.full_name, "name": before.name}


class Delete(Internal):
    about = "{kind}: remove one"

    def act(self) -> dict[str, Any]:
        with self.side.lock:
            gone = self.found(self.wanted)
            self.side.book.remove(gone.collection, gone.full_name)
        return {"id": gone.full_name, "name": gone.name}


class Get(Internal):
    about = "{kind}: tell the fields of one"

    def act(self) -> dict[str, Any]:
        return self.family.told(self.found(self.wanted))


class GetList(Internal):
    about = "{kind}: tell the fields of each"
    takes = ()

    def act(self) -> list[dict[str, Any]]:
        return [self.family.told(each) for each in self.all()]


class Execute(Internal):
    about = "{kind}: run one now"

    def act(self) -> dict[str, Any]:
        job = self.side.jobs()[self.found(self.wanted).name]
        job.execute()
        return {"id": job.name, "name": job.name}


class ServiceList(Internal):
    about = "Tell which services are deployed"
    takes = ()

    def act(self) -> list[dict[str, Any]]:
        return [_service_told(each) for each in self.side.services.values()]


class ServiceGet(Internal):
    about = "Tell of one service"

    def act(self) -> dict[str, Any]:
        return _service_told(self.side.services[self.wanted])


class ServiceInvoke(Internal):
    about = "Run a service and give its answer"
    takes = ("name", "payload")

    def act(self) -> Any:
        return self.invoke(self.wanted, self.given.get("payload", ""))


class ServiceDelete(Internal):
    about = "Take a service out of the workbench, with all its versions"

    def act(self) -> dict[str, Any]:
        name = self.wanted
        self.side.services.remove(name)
        return {"id": name, "name": name}


class Ping(Internal):
    about = "Answer, to who asks whether the workbench is there"
    takes = ()

    def act(self) -> dict[str, str]:
        return {"pong": "zato"}


ACTIONS: Mapping[str, type[Internal]] = {
    "create": Create,
    "edit": Edit,
    "delete": Delete,
    "get": Get,
    "get-by-name": Get,
    "get-list": GetList,
}
OF_SERVICES: Mapping[str, type[Internal]] = {
    "delete": ServiceDelete,
    "get": ServiceGet,
    "get-by-name": ServiceGet,
    "get-list": ServiceList,
    "invoke": ServiceInvoke,
}


def internal_services(side: Side) -> dict[str, type[Internal]]:
    """Every internal service of a workbench, by name."""
    made: dict[str, type[Internal]] = {}
    for family in families():
        made |= _made(side, family, ACTIONS)
        if family.name.split(".")[1] in ("job", "scheduler"):
            made |= _made(side, family, {"execute": Execute})
    for prefix in PREFIXES:
        made |= _made(side, Family(f"{prefix}service", {}), OF_SERVICES)
        made |= _made(side, Family(prefix.removesuffix("."), {}), {"ping": Ping})
    return dict(sorted(made.items()))


def _made(side: Side, family: Family, actions: Mapping[str, type[Internal]]) -> dict[str, type[Internal]]:
    found: dict[str, type[Internal]] = {}
    word = " or ".join(dict.fromkeys(each.kind for each in family.classes))
    for action, of in actions.items():
        name = f"{family.name}.{action}"
        own: dict[str, Any] = {"name": name, "family": family, "side": side, "__module__": __name__}
        own["__doc__"] = of.about.format(kind=word[:1].upper() + word[1:])
        own["takes"] = _all_fields(family) if of in (Create, Edit) else (*of.takes, *family.chosen_by)
        found[name] = type(of.__name__, (of,), own)
    return found


def _all_fields(family: Family) -> tuple[str, ...]:
    names = {field: name for name, field in family.renamed.items()}
    fields = [names.get(field, field) for cls in family.classes for field in field_types(cls)]
    return tuple(dict.fromkeys([*family.chosen_by, *fields]))


def _service_told(service: Any) -> dict[str, Any]:
    return {"id": service.name, "name": service.name, "version": service.live.number, "doc": service.doc}
