"""Loops that follow a circuit and its controller instant by instant, compiled by Numba."""
