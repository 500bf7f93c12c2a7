"""A referee for plans: random cases, a program of its own, and recomputation from files."""
