"""The public names of the package, `from workbench import ...`, and the room where each lives; and what is to come."""

from __future__ import annotations

HOMES = {
    "APIKey": "workbench.security.definitions",
    "BadRequest": "workbench.core.errors",
    "BasicAuth": "workbench.security.definitions",
    "ChannelDefinition": "workbench.channels.definition",
    "Conflict": "workbench.core.errors",
    "ConnectionDefinition": "workbench.connections.definition",
    "CronJob": "workbench.scheduler.definitions",
    "DropboxConnection": "workbench.connections.dropbox",
    "FTPConnection": "workbench.connections.ftp",
    "Forbidden": "workbench.core.errors",
    "IMAPConnection": "workbench.connections.imap",
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
    "outgoing": "workbench.core.current",
    "secret": "workbench.core.secret",
}

COMING = {
    "amqp": ("AMQP", "AMQPConnection", "kombu"),
    "azure": ("Azure", "AzureConnection", "azure-storage-blob"),
    "cassandra": ("Cassandra", "CassandraConnection", "cassandra-driver"),
    "ibm_mq": ("IBM MQ", "IBMMQConnection", "ibmmq"),
    "mongodb": ("MongoDB", "MongoDBConnection", "pymongo"),
    "odata": ("OData", "ODataConnection", "requests"),
    "odoo": ("Odoo", "OdooConnection", "odoorpc"),
    "soap": ("SOAP", "SOAPConnection", "zeep"),
    "swift": ("Swift", "SwiftConnection", "python-swiftclient"),
}
"""Kinds of connections that come later, on the shape of the others: label, class, and the package to use meanwhile."""
