"""The table of battery states: how old each battery is, and how much it has been used."""

from pathlib import Path

import numpy as np

from evergrid.data.files.frames import Kind
from evergrid.data.tables.reading import made, read
from evergrid.model.batteries.battery_state import BatteryStates

BATTERY_STATES = {
    "asset_id": Kind.TEXT,
    "age_years": Kind.NUMBER,
    "full_cycles": Kind.NUMBER,
}


def read_battery_states(path: Path) -> BatteryStates:
    """The table of battery states.

    Args:
        path: Parquet or CSV.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns, cells or rows that break rules; all are listed.
    """
    table, faults = read(path, BATTERY_STATES, source="battery_states")
    good = ~np.logical_or.reduce([cells.bad for cells in table.values()])
    (number,) = np.nonzero(good)

    def make() -> BatteryStates:
        return BatteryStates(**{name: cells.values[good] for name, cells in table.items()})

    return made(make, faults, source="battery_states", row=number)
