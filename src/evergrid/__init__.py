"""Runs a fleet of parked electric vehicles as one power plant, and proves how good each plan is.

Start with a study: ``evergrid.studies.plan.run(config)`` is what ``evergrid run plan.toml`` does.
"""

from importlib.metadata import version

__version__ = version("evergrid")

__all__ = ["__version__"]
