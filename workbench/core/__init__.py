"""The nouns every other room speaks: service, call, definition, error, clock, and the ports between rooms.

Nothing here opens a file, a socket or a thread, and nothing here knows a transport.
"""
