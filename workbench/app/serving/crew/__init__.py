"""Several processes that serve one file at one address, and the one that starts, watches and answers for all of them.

The supervisor opens the listening sockets and closes them last, so that no connection that waits to be taken is lost
with a worker process. Each is today's `workbench serve`: it runs the file, and then takes connections, too.

`line` is what the two tell each other; `worker` one worker process as its supervisor sees it; `crew` keeps as many as
are wanted, `redeploying` replaces them by ones that serve the file as it is now; `whole` answers for all of them.
`clicks` has them compare what each has by click: one that lacks some is replaced by one that reads it in the store.
`broadcasts` takes what one of them says to all clients of a WebSocket channel to those who are connected to another.
"""
