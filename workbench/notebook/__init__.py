"""The notebook's side: cells that deploy, one quiet line under each, errors that begin in the user's line, displays."""
