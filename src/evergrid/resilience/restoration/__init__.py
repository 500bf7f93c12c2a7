"""Which load block is closed when, on what energy, after the grid is gone?"""
