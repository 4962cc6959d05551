"""Outgoing SOAP: zeep's client over a WSDL that is loaded at first use, each call with a deadline and a step."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any, Self

from workbench.connections.common.colours import expect_no_loop
from workbench.connections.common.trying import Due, late
from workbench.connections.definition import Live, Opening, Pinged
from workbench.connections.soap.account import Account, expect_wsdl, zeep
from workbench.connections.soap.definition import SOAPConnection
from workbench.connections.soap.errors import SOAPFault, Undescribed
from workbench.connections.soap.session import SOAPSession
from workbench.core.current import outgoing
from workbench.core.errors import ServiceUsage, UnknownName, listed
from workbench.core.mood import mood_of_status

OF_ZEEP = ("get_element", "get_type", "namespaces", "set_ns_prefix", "settings", "type_factory", "wsdl")
"""What `conn.client` has of zeep's own."""
SHOWN_CHARACTERS = 100
"""Of what a fault says, in the line of its step."""


class LiveSOAP(Live):
    """`self.out.soap["name"].conn`; safe to use from many threads at once."""

    def __init__(self, definition: SOAPConnection, opening: Opening) -> None:
        zeep()
        self.definition: SOAPConnection = definition
        self._session = SOAPSession(definition, opening)
        self._account: Account | None = None
        self._loading = Lock()

    @property
    def client(self) -> SOAPClient:
        """The client in zeep's words: `conn.client.service.GetOrder(id=7)`; nothing is loaded before a call."""
        return SOAPClient(self)

    def call(self, operation: str, /, *args: Any, **named: Any) -> Any:
        """Call an operation.

        Args:
            operation: Its name in the WSDL.
            args: What it takes, in the WSDL's order.
            named: What it takes by name; a dict, or an object of `client.get_type`, where the WSDL has a type of its
                own. `_soapheaders` are zeep's.

        Returns:
            Its answer as plain values: a dict whose keys are attributes too for each complex type, lists, numbers,
            dates, text; one that holds a single element as that. Of an element called as a method of dict, as `items`,
            write `answer["items"]`.

        Raises:
            AccessRefused: It wants another user or password.
            AnswerTooLarge: The answer, or the WSDL, is over `max_answer_bytes`.
            ConnectionFailed: It cannot be reached, or answered what cannot be read.
            DeadlineExceeded: The WSDL and the answer did not come within `deadline_seconds`.
            ServiceUsage: The WSDL has no place for these arguments.
            SOAPFault: It answered with a fault.
            UnknownName: The WSDL has no such operation.
        """
        expect_no_loop(self.definition, f"await conn.aio.call({operation!r}, ...)")
        due = Due(self.definition.deadline_seconds)
        name = self.definition.name
        asked = {**{str(number): each for number, each in enumerate(args, 1)}, **named}
        with outgoing("soap", f"SOAP {name} {operation}", asked, connection=name, operation=operation) as step:
            try:
                answer = self._answer(operation, args, named, due)
            except SOAPFault as exc:
                step.end(f"fault {exc.code}: {exc.text[:SHOWN_CHARACTERS]}", exc.mood, exc)
                raise
            step.answered(answer)
            step.end("ok")
            return answer

    def _answer(self, operation: str, args: tuple[Any, ...], named: dict[str, Any], due: Due) -> Any:
        """The answer, by the WSDL as it was loaded, or as it is now if that has no place for what is asked."""
        known, account = self._account, self.account(due)
        try:
            return account.call(operation, args, named, due)
        except (UnknownName, ServiceUsage):
            if known is None:
                raise
            return self.account(due, instead_of=known).call(operation, args, named, due)
        except Undescribed:
            self._account = None
            raise

    def operations(self) -> dict[str, str]:
        """What each operation takes and gives, in the WSDL's words."""
        expect_no_loop(self.definition, "await conn.aio.operations()")
        account = self.account(Due(self.definition.deadline_seconds))
        return {name: account.signature(name) for name in account.operations}

    def account(self, due: Due | None = None, instead_of: Account | None = None) -> Account:
        """The WSDL, loaded now if it is not; one thread loads it, and others wait no longer than their calls may take.

        Args:
            due: When it must be there.
            instead_of: One that is out of date.

        Raises:
            ConnectionFailed: It cannot be loaded; the next call tries again.
            ServiceUsage: An async service asks for it on the server's loop, and it is not loaded yet.
        """
        due = due or Due(self.definition.deadline_seconds)
        if (account := self._account) is not None and account is not instead_of:
            return account
        expect_no_loop(self.definition, "await conn.aio.operations() before, which loads its WSDL")
        if not self._loading.acquire(timeout=due.left(self.definition.deadline_seconds)):
            raise late(self.definition, due)
        try:
            if (account := self._account) is None or account is instead_of:
                with self._session.about("the WSDL", due):
                    account = self._account = Account(self._session)
            return account
        finally:
            self._loading.release()

    def ping(self, cid: str = "") -> str:
        """Ask for the WSDL once, or where that is a file for the path that is called; says what came back."""
        expect_no_loop(self.definition, "await conn.aio.ping()")
        began, address = time.monotonic(), self.definition.wsdl_address
        with self._session.about("ping", Due(self.definition.deadline_seconds)):
            if address:
                content = self._session.load(address)
                expect_wsdl(self.definition, content)
                return f"WSDL of {len(content):,} bytes in {(time.monotonic() - began) * 1000:.0f} ms"
            status = self._session.head().status_code
        return Pinged(f"HEAD {status} in {(time.monotonic() - began) * 1000:.0f} ms", mood_of_status(status))

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()


class SOAPClient:
    """What zeep calls a client, for as long as its connection is open: `service`, and what a WSDL says of types.

    `with conn.client() as client:` is the same, as Zato has it.
    """

    __slots__ = ("_account", "_live")

    def __init__(self, live: LiveSOAP) -> None:
        self._account, self._live = live.account, live

    def hold(self, live: Any) -> None:
        """Call through this from now on: the connection as a service holds it, or one whose calls are awaited."""
        self._live = live

    @property
    def service(self) -> Operations:
        """The operations."""
        return Operations(self._live, self._account)

    def __getattr__(self, name: str) -> Any:
        if name not in OF_ZEEP:
            raise AttributeError(
                f"conn.client has service, {listed(OF_ZEEP)}, not {name!r}. "
                f"Fix: another port or address is another SOAPConnection"
            )
        return getattr(self._account().client, name)

    def __call__(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing: the connection stays open for others."""

    def __repr__(self) -> str:
        return f"Client of {self._live}"


class Operations:
    """The operations of a WSDL, by attribute or by name."""

    __slots__ = ("_account", "_live")

    def __init__(self, live: Any, account: Any) -> None:
        self._live, self._account = live, account

    def __getitem__(self, operation: str) -> Any:
        return lambda *args, **named: self._live.call(operation, *args, **named)

    def __getattr__(self, operation: str) -> Any:
        if operation.startswith("__"):
            raise AttributeError(operation)
        return self[operation]

    def __dir__(self) -> list[str]:
        names: list[str] = self._account().operations
        return names

    def __repr__(self) -> str:
        return f"Operations of {self._live}"
