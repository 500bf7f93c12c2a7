"""Does a fleet fit into memory? Asked before its sessions are made, and before it is planned."""

from collections.abc import Sequence

from evergrid.core.timegrid import TimeGrid
from evergrid.data import memory
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.site_levels import SiteTree

# Generated sessions of a vehicle and day, measured over a week; published habits move them little.
SESSIONS_PER_DAY = {"home": 0.4, "workplace": 0.4, "depot": 1.4, "public": 0.14}
SESSION_BYTES = 350  # of a session while it is generated; measured 350 to 500
# Of a session, or site, and step while a plan is made: eight numbers. Measured plans take more, so
# that nothing is refused that would fit.
STEP_BYTES = 64
WAY_OUT = "Plan fewer vehicles, fewer days or longer steps at a time."


def expected_sessions(fleet: Sequence[FleetGroup], grid: TimeGrid) -> int:
    """About how many sessions the groups have in the time of the grid."""
    days = grid.steps * grid.step_h / 24
    return round(sum(SESSIONS_PER_DAY[group.place] * group.vehicles * days for group in fleet))


def must_hold_sessions(fleet: Sequence[FleetGroup], grid: TimeGrid) -> None:
    """Refuse a fleet whose sessions alone fill the memory.

    Raises:
        InputError: There is less memory.
    """
    count = expected_sessions(fleet, grid)
    memory.must_hold(
        SESSION_BYTES * count,
        source="fleet",
        field="fleet.vehicles",
        what=f"about {count:,} sessions",
        fix=WAY_OUT,
    )


def must_hold_plan(sessions: int, trees: Sequence[SiteTree], grid: TimeGrid) -> None:
    """Refuse a plan whose steps fill the memory.

    Args:
        sessions: How many there are, or about how many there will be.
        trees: Sites that are generated.
        grid: Steps of the plan.

    Raises:
        InputError: There is less memory.
    """
    sites = sum(sum(tree.counts().values()) for tree in trees)
    memory.must_hold(
        SESSION_BYTES * sessions + STEP_BYTES * (sessions + sites) * grid.steps,
        source="config",
        field="horizon",
        what=f"{sessions:,} sessions and {sites:,} sites of [[site_tree]] in {grid.steps:,} steps",
        fix=WAY_OUT,
    )
