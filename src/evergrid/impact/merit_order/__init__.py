"""Generators in order of cost: price, cost and emissions of serving a load, hour by hour."""

from evergrid.impact.merit_order.clearing import (
    MeritOrderDispatch,
    dispatch,
    marginal_emissions,
)
from evergrid.impact.merit_order.stack import Stack, supply_stack
from evergrid.impact.merit_order.storage import AggregateStorage, constant_storage
from evergrid.impact.merit_order.storage_equilibrium import StorageEquilibrium, price_making
from evergrid.impact.merit_order.system_effect import SystemEffect, effect

__all__ = [
    "AggregateStorage",
    "MeritOrderDispatch",
    "Stack",
    "StorageEquilibrium",
    "SystemEffect",
    "constant_storage",
    "dispatch",
    "effect",
    "marginal_emissions",
    "price_making",
    "supply_stack",
]
