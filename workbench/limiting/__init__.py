"""Rate limits on channels, users and services: what they say, how they match, where they count."""
