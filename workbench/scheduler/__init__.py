"""Jobs: what they are, when they are due, and the engine that runs them."""
