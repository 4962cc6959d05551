"""Ways out: one folder, or one file, for each kind of connection.

A kind of several files has the same words in each, and each file imports only those before it:

  definition   what a person writes: typed fields, and the name of who opens it; no client library, no live object
  errors       what goes wrong with the other side, in our words
  session      one conversation with the other side, or the client that holds them
  account      what is asked within a session: the commands that all that follows uses
  transfer     a file on its way: the sources and sinks, made of the account
  backend      the `Backend` protocol of `files/protocol.py` over the account and its transfers
  live         what a service holds, where that is more than the files of a backend

A kind leaves out the words that it has no use for, and may have files of its own beside them. Shared by all:
`definition` (what every kind is), `catalog` (a row for each kind), `live` (those that are open), `common` (the way to
another side), `files` (what keeps files, one `LiveFiles` over any backend). Kinds do not know each other; the contracts
in `pyproject.toml` say so of every folder and file here, and name the exceptions.

So a new kind that keeps files is one folder and one row in `catalog.ROWS`, and its peer is one folder and one row in
`sandbox/catalog.py`. In another distribution a row is an entry point, which names the definition alone. So it is the
definition that names its opener (`opener`), not the row: it is found in one place whoever brings the kind, and a class
of a cell that derives from a kind opens as that does. `tests/connections/tides` is such a distribution, and the suite
of all storages takes its locker up by its row.
"""
