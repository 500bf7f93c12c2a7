"""The `evergrid` command: parses, calls one function, prints."""
