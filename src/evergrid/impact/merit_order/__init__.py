"""Generators in order of cost: price, cost and emissions of serving a load, hour by hour."""

from evergrid.impact.merit_order.clearing import (
    MeritOrderDispatch,
    dispatch,
    marginal_emissions,
)
from evergrid.impact.merit_order.price_making import StorageEquilibrium, price_making
from evergrid.impact.merit_order.stack import Stack, supply_stack
from evergrid.impact.merit_order.storage import AggregateStorage, constant_storage

__all__ = [
    "AggregateStorage",
    "MeritOrderDispatch",
    "Stack",
    "StorageEquilibrium",
    "constant_storage",
    "dispatch",
    "marginal_emissions",
    "price_making",
    "supply_stack",
]
