"""An interactive integration workbench for notebooks: write a service in a cell, run the cell, the service is live.

    from workbench import wb, Service

    class Hello(Service):
        name = "api.hello"

        def handle(self):
            return "Hello there!"

    wb.invoke("api.hello")

Names are imported when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.app.scheduling.travel.events import SetClock as SetClock
    from workbench.app.scheduling.travel.events import Start as Start
    from workbench.app.scheduling.travel.events import Stop as Stop
    from workbench.app.workbench import Workbench as Workbench
    from workbench.caching.definition import Cache as Cache
    from workbench.channels.definition import ChannelDefinition as ChannelDefinition
    from workbench.channels.files.channel import FileChannel as FileChannel
    from workbench.channels.json_rpc import JSONRPCChannel as JSONRPCChannel
    from workbench.channels.rest import RESTChannel as RESTChannel
    from workbench.channels.soap import SOAPChannel as SOAPChannel
    from workbench.channels.websocket.channel import WebSocketChannel as WebSocketChannel
    from workbench.channels.websocket.hook import WSXHook as WSXHook
    from workbench.connections.definition import ConnectionDefinition as ConnectionDefinition
    from workbench.connections.dropbox.definition import DropboxConnection as DropboxConnection
    from workbench.connections.folder import LocalFolder as LocalFolder
    from workbench.connections.ftp.definition import FTPConnection as FTPConnection
    from workbench.connections.imap.definition import IMAPConnection as IMAPConnection
    from workbench.connections.rest.definition import RESTConnection as RESTConnection
    from workbench.connections.s3.definition import S3Connection as S3Connection
    from workbench.connections.sftp.definition import SFTPConnection as SFTPConnection
    from workbench.connections.smtp.definition import SMTPConnection as SMTPConnection
    from workbench.connections.smtp.message import SMTPMessage as SMTPMessage
    from workbench.connections.soap.definition import SOAPConnection as SOAPConnection
    from workbench.connections.soap.errors import SOAPFault as SOAPFault
    from workbench.connections.sql.definition import SQLConnection as SQLConnection
    from workbench.connections.twilio import TwilioConnection as TwilioConnection
    from workbench.connections.zmq.definition import ZeroMQConnection as ZeroMQConnection
    from workbench.core.current import outgoing as outgoing
    from workbench.core.errors import BadRequest as BadRequest
    from workbench.core.errors import Conflict as Conflict
    from workbench.core.errors import Forbidden as Forbidden
    from workbench.core.errors import NotFound as NotFound
    from workbench.core.errors import Unauthorized as Unauthorized
    from workbench.core.errors import WorkbenchError as WorkbenchError
    from workbench.core.secret import secret as secret
    from workbench.core.service import Service as Service
    from workbench.limiting.definition import Limit as Limit
    from workbench.scheduler.definitions import CronJob as CronJob
    from workbench.scheduler.definitions import IntervalJob as IntervalJob
    from workbench.scheduler.definitions import OneTimeJob as OneTimeJob
    from workbench.security.definitions import APIKey as APIKey
    from workbench.security.definitions import BasicAuth as BasicAuth

    wb: Workbench

__version__ = "0.1.0"


HOMES = {
    "APIKey": "workbench.security.definitions",
    "BadRequest": "workbench.core.errors",
    "BasicAuth": "workbench.security.definitions",
    "Cache": "workbench.caching.definition",
    "ChannelDefinition": "workbench.channels.definition",
    "Conflict": "workbench.core.errors",
    "ConnectionDefinition": "workbench.connections.definition",
    "CronJob": "workbench.scheduler.definitions",
    "DropboxConnection": "workbench.connections.dropbox.definition",
    "FTPConnection": "workbench.connections.ftp.definition",
    "FileChannel": "workbench.channels.files.channel",
    "Forbidden": "workbench.core.errors",
    "IMAPConnection": "workbench.connections.imap.definition",
    "IntervalJob": "workbench.scheduler.definitions",
    "JSONRPCChannel": "workbench.channels.json_rpc",
    "Limit": "workbench.limiting.definition",
    "LocalFolder": "workbench.connections.folder",
    "NotFound": "workbench.core.errors",
    "OneTimeJob": "workbench.scheduler.definitions",
    "RESTChannel": "workbench.channels.rest",
    "RESTConnection": "workbench.connections.rest.definition",
    "S3Connection": "workbench.connections.s3.definition",
    "SFTPConnection": "workbench.connections.sftp.definition",
    "SMTPConnection": "workbench.connections.smtp.definition",
    "SMTPMessage": "workbench.connections.smtp.message",
    "SOAPChannel": "workbench.channels.soap",
    "SOAPConnection": "workbench.connections.soap.definition",
    "SOAPFault": "workbench.connections.soap.errors",
    "SQLConnection": "workbench.connections.sql.definition",
    "Service": "workbench.core.service",
    "SetClock": "workbench.app.scheduling.travel.events",
    "Start": "workbench.app.scheduling.travel.events",
    "Stop": "workbench.app.scheduling.travel.events",
    "TwilioConnection": "workbench.connections.twilio",
    "Unauthorized": "workbench.core.errors",
    "WSXHook": "workbench.channels.websocket.hook",
    "WebSocketChannel": "workbench.channels.websocket.channel",
    "Workbench": "workbench.app.workbench",
    "WorkbenchError": "workbench.core.errors",
    "ZeroMQConnection": "workbench.connections.zmq.definition",
    "outgoing": "workbench.core.current",
    "secret": "workbench.core.secret",
}
"""The room where each public name lives."""

__all__ = [*HOMES, "wb"]


def __getattr__(name: str) -> Any:
    if name == "wb":
        return _the_workbench()
    if name not in HOMES:
        if name.endswith("Connection"):
            from workbench.connections.coming import CLASSES, expect_built
            from workbench.core.errors import NotYetImported

            expect_built(CLASSES.get(name, ""), NotYetImported)
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    if name == "Workbench":
        import_module("workbench.zato.hook").install()
    value = getattr(import_module(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, so that Tab offers no others; `workbench.HOMES` is there all the same."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def _the_workbench() -> Any:
    """The one workbench of this process; in IPython, cells begin to deploy by themselves. In a file, its loader."""
    from workbench.app.deploy.loading import LOADER
    from workbench.app.singleton import the_workbench
    from workbench.zato.hook import install

    install()
    if (loader := LOADER.get()) is not None:
        return loader
    if (shell := _ipython()) is not None:
        from workbench.notebook.extension import greet

        greet(shell)
    return the_workbench()


def _ipython() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext workbench`: cells deploy the services they define."""
    try:
        from workbench.notebook.extension import load

        load(shell)
    except Exception as exc:
        if not getattr(shell, "parent_header", None):
            _tell_in_first_cell(shell, exc)
        raise


def _tell_in_first_cell(shell: Any, error: Exception) -> None:
    """A kernel that starts tells its log alone; a person reads cells."""

    def tell(info: Any) -> None:
        shell.events.unregister("pre_run_cell", tell)
        shell.showtraceback((type(error), error, None))

    shell.events.register("pre_run_cell", tell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext workbench`: stop the server and leave the kernel as it was."""
    from workbench.notebook.extension import unload

    unload(shell)
