"""Which units run, and how much, where steps depend on each other; storage and fleets beside them.

The merit order takes every step by itself. Here ramps, minimum output, starts, reserves and storage
tie steps together, which makes a linear program of it, or one with whole numbers.
"""
