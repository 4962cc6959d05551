"""Cassettes: what a call asked of others and got, in a file beside the notebook, from which its test is answered."""
