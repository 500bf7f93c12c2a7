"""How an optimum is found, and how near to it a schedule is, for storage under shared limits.

The engine knows stores, nodes and steps, not vehicles, sites or markets.
"""
