"""A folder of services and definitions: found, read without running it, made live, and told."""
