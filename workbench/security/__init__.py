"""Security definitions: who may call, and how a request proves it."""
