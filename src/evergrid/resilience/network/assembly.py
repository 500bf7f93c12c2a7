"""From a microgrid, positions of breakers and references to what the equations read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.droop import INV_LC, PARAMETERS, STATES
from evergrid.resilience.network import breakers
from evergrid.resilience.network.breakers import BreakerPositions, Islands
from evergrid.resilience.network.kernels import DqTables
from evergrid.resilience.network.microgrid import Microgrid
from evergrid.resilience.network.references import UnitReference

BAUMGARTE_PER_S = 2000.0  # by which an error of the sum of currents at a bus decays

UnitReferences = Mapping[str, UnitReference]


@dataclass(frozen=True)
class Assembly:
    """What is connected, with its equations.

    Attributes:
        microgrid: All that could be connected.
        positions: Of its breakers.
        islands: What that connects.
        buses: Live buses, as places in ``microgrid.buses``.
        units: Running units, as places in ``microgrid.units``.
        branches: Live branches and loads, as places among both.
        branch_islands: Number of the island of each.
        active: Entries of the state that move.
        conductance: Of all resistors at each live bus.
        tables: What the kernels read.
    """

    microgrid: Microgrid
    positions: BreakerPositions
    islands: Islands
    buses: Int[Array, " bus"]
    units: Int[Array, " unit"]
    branches: Int[Array, " branch"]
    branch_islands: Int[Array, " branch"]
    active: Int[Array, " active"]
    conductance: Float[Array, " bus"]
    tables: DqTables

    @property
    def unit_islands(self) -> Int[Array, " unit"]:
        """Number of the island of each running unit."""
        return self.islands.of_unit[self.units]

    @property
    def state_names(self) -> tuple[str, ...]:
        """Of the entries that move."""
        names = self.microgrid.state_names
        return tuple(names[entry] for entry in self.active)

    def with_frame_speeds(self, w_rad_per_s: Float[Array, " island"]) -> DqTables:
        """Tables with a frame for each island that turns at its own speed."""
        return self.tables._replace(
            unit_frame_w=w_rad_per_s[self.unit_islands],
            branch_frame_w=w_rad_per_s[self.branch_islands],
        )


def assemble(
    microgrid: Microgrid,
    positions: BreakerPositions | None = None,
    references: UnitReferences | None = None,
    *,
    baumgarte_per_s: float = BAUMGARTE_PER_S,
    virtual_resistor_ohm: float | None = None,
) -> Assembly:
    """What is connected, with its equations; dead buses and what hangs on them are left out.

    With C the incidence of currents and buses (+1 into the bus) the voltages v of buses without a
    resistor solve ``C L^-1 C' v = C L^-1 (e - R i) + k C i``, where e are voltages behind the
    coupling of units: the sum of currents at a bus stays zero because its rate is ``-(k + j w)``
    times itself.

    Args:
        microgrid: Units, branches, loads.
        positions: Of breakers; all closed where none are given.
        references: By name of unit; that of its inverter for a unit that is not there.
        baumgarte_per_s: k, above 0.
        virtual_resistor_ohm: A resistor at every bus instead: the textbook form, for validation
            only. It draws power, and its fast modes need an implicit solver.

    Raises:
        InputError: Unknown names, all units stopped, a number out of range.

    Source:
        Kirchhoff's laws; index reduction with the term of J. Baumgarte (1972), Stabilization of
        constraints and integrals of motion in dynamical systems, doi:10.1016/0045-7825(72)90018-7.
    """
    positions, references = positions or BreakerPositions(), references or {}
    breakers.check(microgrid, positions)
    _check(microgrid, references, baumgarte_per_s, virtual_resistor_ohm)
    found = breakers.islands(microgrid, positions)
    buses = np.flatnonzero(found.of_bus >= 0)
    units = np.flatnonzero(found.of_unit >= 0)
    earth = len(buses)
    place = np.full(len(microgrid.buses), -1, np.int64)
    place[buses] = np.arange(earth)
    ends = _ends(microgrid, positions, place, earth)
    branches = np.array([number for number, _, _ in ends], np.int64)
    start = np.array([one for _, one, _ in ends], np.int64)
    end = np.array([other for _, _, other in ends], np.int64)
    elements = (*microgrid.branches, *microgrid.loads)
    inductance_h = np.array([elements[number].inductance_h for number in branches])
    resistance_ohm = np.array([elements[number].resistance_ohm for number in branches])
    coupled = found.coupled[units]
    rows = np.zeros((len(units), PARAMETERS))
    unit_bus = np.full(len(units), earth, np.int64)
    for row, unit in enumerate(units):
        rows[row] = microgrid.units[unit].inverter.row(coupled=bool(coupled[row]))
        if coupled[row]:
            unit_bus[row] = place[microgrid.bus_index[microgrid.units[unit].bus]]
    conductance = _conductances(microgrid, positions, place, earth, virtual_resistor_ohm)
    incidence = _incidence(unit_bus, start, end, earth)
    inverse_l = np.concatenate([rows[:, INV_LC], 1.0 / inductance_h])
    solve = _solve(incidence, inverse_l, conductance)
    free = conductance == 0.0
    unit_at = units * len(STATES)
    branch_at = microgrid.first_current + 2 * branches
    w_n = 2.0 * np.pi * microgrid.nominal_hz
    tables = DqTables(
        unit_at=unit_at,
        unit_rows=rows,
        unit_bus=unit_bus,
        unit_frame_w=np.full(len(units), w_n),
        **_told(microgrid, units, references),
        branch_at=branch_at,
        branch_from=start,
        branch_to=end,
        branch_r=resistance_ohm,
        branch_inv_l=1.0 / inductance_h,
        branch_frame_w=np.full(len(branches), w_n),
        of_pull=free.astype(np.float64),
        of_current=np.where(free, baumgarte_per_s, 1.0),
        solve=np.ascontiguousarray(solve.T),
    )
    return Assembly(
        microgrid=microgrid,
        positions=positions,
        islands=found,
        buses=buses,
        units=units,
        branches=branches,
        branch_islands=found.of_bus[buses[start]],
        active=_active(unit_at, coupled, branch_at),
        conductance=conductance,
        tables=tables,
    )


def incidence_of(assembly: Assembly) -> Float[Array, "bus current"]:
    """Which currents enter (+1) or leave (-1) each live bus: those of units, then of branches."""
    tables = assembly.tables
    buses = len(tables.of_pull)
    return _incidence(tables.unit_bus, tables.branch_from, tables.branch_to, buses)


def current_entries(assembly: Assembly) -> Int[Array, " current"]:
    """Where the first part of each of those currents is in the state."""
    tables = assembly.tables
    return np.concatenate([tables.unit_at + STATES.index("i_o_x"), tables.branch_at])


def inverse_inductances(assembly: Assembly) -> Float[Array, " current"]:
    """Of each of those currents; 0 for a unit that is not connected."""
    tables = assembly.tables
    return np.concatenate([tables.unit_rows[:, INV_LC], tables.branch_inv_l])


def _check(
    microgrid: Microgrid,
    references: UnitReferences,
    baumgarte_per_s: float,
    virtual_resistor_ohm: float | None,
) -> None:
    faults = []
    unknown = tuple(sorted(set(references) - {unit.name for unit in microgrid.units}))
    if unknown:
        faults.append(Fault("references", "name units of the microgrid", unknown))
    for name, value in (
        ("baumgarte_per_s", baumgarte_per_s),
        ("virtual_resistor_ohm", 1.0 if virtual_resistor_ohm is None else virtual_resistor_ohm),
    ):
        if not 0 < value < np.inf:
            faults.append(Fault(name, "be above 0 and finite", (value,)))
    raise_if_any("assembly", faults)


def _ends(
    microgrid: Microgrid, positions: BreakerPositions, place: Int[Array, " all_bus"], earth: int
) -> list[tuple[int, int, int]]:
    """Number and both ends of each branch and load that is connected to a live bus."""
    at = [
        (one.name, place[microgrid.bus_index[one.from_bus]], place[microgrid.bus_index[one.to_bus]])
        for one in microgrid.branches
    ]
    at += [(one.name, place[microgrid.bus_index[one.bus]], earth) for one in microgrid.loads]
    return [
        (number, int(start), int(end))
        for number, (name, start, end) in enumerate(at)
        if positions.has(name) and start >= 0
    ]


def _conductances(
    microgrid: Microgrid,
    positions: BreakerPositions,
    place: Int[Array, " all_bus"],
    earth: int,
    virtual_resistor_ohm: float | None,
) -> Float[Array, " bus"]:
    """Of all resistors at each live bus."""
    found = np.full(earth, 0.0 if virtual_resistor_ohm is None else 1.0 / virtual_resistor_ohm)
    for one in microgrid.resistors:
        bus = place[microgrid.bus_index[one.bus]]
        if positions.has(one.name) and bus >= 0:
            found[bus] += 1.0 / one.resistance_ohm
    return found


def _incidence(
    unit_bus: Int[Array, " unit"],
    start: Int[Array, " branch"],
    end: Int[Array, " branch"],
    earth: int,
) -> Float[Array, "bus current"]:
    units, branches = len(unit_bus), len(start)
    found = np.zeros((earth + 1, units + branches))
    found[unit_bus, np.arange(units)] = 1.0
    columns = units + np.arange(branches)
    found[start, columns] = -1.0
    found[end, columns] = 1.0
    return found[:earth]


def _solve(
    incidence: Float[Array, "bus current"],
    inverse_l: Float[Array, " current"],
    conductance: Float[Array, " bus"],
) -> Float[Array, "bus bus"]:
    """From weighted sums at the buses to their voltages.

    Each live bus is connected to a unit through inductances, so that the system is positive
    definite.
    """
    fixed = conductance > 0.0
    free = ~fixed
    laplacian = (incidence * inverse_l) @ incidence.T
    solve = np.zeros_like(laplacian)
    solve[fixed, fixed] = 1.0 / conductance[fixed]
    if free.any():
        inner = np.linalg.inv(laplacian[np.ix_(free, free)])
        solve[np.ix_(free, free)] = inner
        across = laplacian[np.ix_(free, fixed)] / conductance[fixed]
        solve[np.ix_(free, fixed)] = -inner @ across
    return solve


def _active(
    unit_at: Int[Array, " unit"], coupled: Bool[Array, " unit"], branch_at: Int[Array, " branch"]
) -> Int[Array, " active"]:
    """All entries of units, but for output currents of those not connected; all of branches."""
    parts = []
    for at, connected in zip(unit_at, coupled, strict=True):
        count = len(STATES) if connected else len(STATES) - 2
        parts.append(np.arange(at, at + count))
    parts.append((branch_at[:, None] + np.arange(2)).ravel())
    return np.concatenate(parts)


def _told(
    microgrid: Microgrid, units: Int[Array, " unit"], references: UnitReferences
) -> dict[str, Float[Array, " unit"]]:
    """References of the running units as columns."""
    rows = []
    for unit in (microgrid.units[place] for place in units):
        told = references.get(unit.name, UnitReference())
        v_to = unit.inverter.voltage_v if told.voltage_v is None else told.voltage_v
        v_from = v_to if told.ramp_from_v is None else told.ramp_from_v
        ramp_per_s = 1.0 / told.ramp_s if told.ramp_s > 0 else 0.0
        v_max_2 = told.dc_voltage_v**2 / 2.0
        trim = told.trim_rad_per_s
        rows.append((v_from, v_to, told.ramp_start_s, ramp_per_s, trim, v_max_2))
    names = ("v_from", "v_to", "ramp_start_s", "ramp_per_s", "trim", "v_max_2")
    return dict(zip(names, np.array(rows, np.float64).T.copy(), strict=True))
