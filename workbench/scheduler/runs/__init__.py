"""Parts of the runner: who waits, what is tried again, what comes after, what is said."""
