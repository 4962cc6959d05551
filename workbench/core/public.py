"""The public names of the package, `from workbench import ...`, and the room where each lives."""

from __future__ import annotations

HOMES = {
    "APIKey": "workbench.security.definitions",
    "BadRequest": "workbench.core.errors",
    "BasicAuth": "workbench.security.definitions",
    "Conflict": "workbench.core.errors",
    "CronJob": "workbench.scheduler.definitions",
    "DropboxConnection": "workbench.connections.dropbox",
    "FTPConnection": "workbench.connections.ftp",
    "Forbidden": "workbench.core.errors",
    "IntervalJob": "workbench.scheduler.definitions",
    "JSONRPCChannel": "workbench.channels.json_rpc",
    "Limit": "workbench.limiting.definition",
    "LocalFolder": "workbench.connections.local",
    "NotFound": "workbench.core.errors",
    "OneTimeJob": "workbench.scheduler.definitions",
    "RESTChannel": "workbench.channels.rest",
    "RESTConnection": "workbench.connections.rest",
    "S3Connection": "workbench.connections.s3",
    "SOAPChannel": "workbench.channels.soap",
    "SFTPConnection": "workbench.connections.sftp",
    "SMTPConnection": "workbench.connections.smtp",
    "SMTPMessage": "workbench.connections.smtp_message",
    "SQLConnection": "workbench.connections.sql",
    "Service": "workbench.core.service",
    "TwilioConnection": "workbench.connections.twilio",
    "Unauthorized": "workbench.core.errors",
    "Workbench": "workbench.app.workbench",
    "WorkbenchError": "workbench.core.errors",
    "secret": "workbench.core.secret",
}
