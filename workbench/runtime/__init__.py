"""Runs services: what is deployed, the chain around every `handle`, and the threads it runs on.

A service's call passes one chain whatever its colour: the chain is a generator that yields what to call next, and a
driver of a few lines calls it, plainly on a worker thread or awaited on the loop. So there is no second copy of the
chain for `async def`, and a nested call costs a generator (0.3 us), not a stack of wrappers.
"""
