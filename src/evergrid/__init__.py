"""Runs a fleet of parked electric vehicles as one power plant, and proves how good each plan is.

Start with a study: ``evergrid.studies.plan.run(config)`` is what ``evergrid run plan.toml`` does.
"""

from importlib.metadata import version

from evergrid.core.moved import watch_imports

__version__ = version("evergrid")
watch_imports()

__all__ = ["__version__"]
