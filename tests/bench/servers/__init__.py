"""Programs that serve what the benches ask for; each prints its port and runs until it is ended."""
