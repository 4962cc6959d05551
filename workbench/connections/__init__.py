"""Ways out: one file per kind of connection, holding its definition and its live object, and one row in the catalog."""
