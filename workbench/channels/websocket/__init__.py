"""WebSocket channels: a connection that stays open, over which each message is a call, and services can send more.

A connection begins as a request to the HTTP server, is judged as one, and is then taken over (`handshake`). What is on
it is read and written by the package `websockets`, whose protocol knows no sockets: it needs nothing of the server but
bytes, and closes with the codes of RFC 6455, which Tornado's own WebSocket cannot: it breaks off, takes frames that are
not masked, and must be reached by private names.
"""
