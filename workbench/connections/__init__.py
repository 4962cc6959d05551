"""Ways out: one folder or file for each kind of connection, holding its definition and its live object."""
