"""Rows and matrices that compiled loops take, made of the records of an island."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from evergrid.core.arrays import Array, Bool, Shaped
from evergrid.core.units import S_PER_H
from evergrid.resilience.inverter.dc_side import POINTS, DcSide
from evergrid.resilience.phasor import tables
from evergrid.resilience.phasor.island import (
    PhasorIsland,
    PhasorLine,
    PhasorLoad,
    PhasorMotor,
    open_circuit_ratio,
)
from evergrid.resilience.phasor.tables import PhasorMoment, PhasorSamples, PhasorTables
from evergrid.resilience.phasor.units import DieselUnit, FollowingUnit, FormingUnit

LEAK_PU = 1e-9  # from each bus to earth, so that a dead one has a voltage, which is 0
NEVER_S = -1e9

Row = dict[str, float | int]  # values of a row by the names of its columns
Unit = FormingUnit | FollowingUnit | DieselUnit


def in_order(island: PhasorIsland) -> tuple[Unit, ...]:
    """Units as samples have them: forming inverters, following ones, diesel sets."""
    return (*_forming_units(island), *_followers(island), *_diesels(island))


def assembled(island: PhasorIsland) -> PhasorTables:
    """All rows of an island in which nothing runs yet."""
    batteries = [unit.dc for unit in in_order(island) if unit.dc is not None]
    ratings = [unit.rating_kva for unit in in_order(island) if unit.dc is not None]
    limits = np.zeros((len(batteries), POINTS, 3))
    for number, (dc, rating) in enumerate(zip(batteries, ratings, strict=True)):
        found = dc.table()[1]
        limits[number] = np.column_stack(
            (found.charge_kw / rating, found.discharge_kw / rating, found.rest_v)
        )
    order = [unit.name for unit in in_order(island) if unit.dc is not None]
    nominal, bounds = island.nominal_hz, island.limits
    stages = island.shedding
    return PhasorTables(
        _rows(tables.FORMING, [_forming(unit, island, order) for unit in _forming_units(island)]),
        _rows(tables.FOLLOWING, [_following(unit, island, order) for unit in _followers(island)]),
        _rows(tables.DIESEL, [_diesel(unit, island) for unit in _diesels(island)]),
        _rows(tables.MOTOR, [_motor(motor, island) for motor in island.motors]),
        _rows(tables.LOAD, [_load(load, island) for load in island.loads]),
        np.zeros((len(island.buses), len(island.buses)), np.complex128),
        np.zeros(len(island.buses), np.bool_),
        limits,
        np.array([stage.frequency_hz / nominal - 1.0 for stage in stages]),
        np.array([stage.delay_s for stage in stages]),
        np.zeros(len(stages), np.bool_),
        2.0 * np.pi * nominal,
        bounds.least_hz / nominal - 1.0,
        bounds.most_hz / nominal - 1.0,
        bounds.least_voltage_pu,
        bounds.voltage_s,
    )


def at_rest(given: PhasorTables, island: PhasorIsland) -> PhasorMoment:
    """The moment before anything runs: no voltage, motors still, batteries as they are."""
    count = len(island.buses)
    sizes = (
        (given.forming, tables.FORMING_STATES),
        (given.following, tables.FOLLOWING_STATES),
        (given.diesel, tables.DIESEL_STATES),
        (given.motor, tables.MOTOR_STATES),
    )
    state = np.zeros(sum(len(rows) * size for rows, size in sizes))
    for number, unit in enumerate(_forming_units(island)):
        energy = 1.0 if unit.dc is None else unit.dc.state
        state[number * tables.FORMING_STATES + tables.ENERGY] = energy
    first = len(given.forming) * tables.FORMING_STATES
    for number, unit in enumerate(_followers(island)):
        energy = 1.0 if unit.dc is None else unit.dc.state
        state[first + number * tables.FOLLOWING_STATES + tables.LOOP_ENERGY] = energy
    return PhasorMoment(
        state=state,
        voltage=np.zeros(count, np.complex128),
        impedance=np.zeros((count, count), np.complex128),
        clip=np.ones(len(given.forming)),
        scale=np.ones(len(given.load)),
        forming_now=np.zeros((len(given.forming), 3)),
        following_now=np.zeros((len(given.following), 2)),
        bad_s=np.zeros(len(given.following)),
        good_s=np.zeros(len(given.following)),
        below_s=np.zeros(len(given.stage_pu)),
        low_s=np.zeros(count),
        armed=np.zeros(count, np.bool_),
        extremes=np.array((0.0, 0.0, 0.0, 0.0, np.inf, 0.0)),
    )


def room(island: PhasorIsland, samples: int) -> PhasorSamples:
    """Room for samples, at rest."""
    units, buses = len(island.units), len(island.buses)
    return PhasorSamples(
        voltage=np.zeros((buses, samples), np.complex128),
        power=np.zeros((units, samples), np.complex128),
        deviation_pu=np.zeros((units, samples)),
        energy=np.zeros((units, samples)),
        drawn=np.zeros((len(island.loads), samples), np.complex128),
        motor_power=np.zeros((len(island.motors), samples), np.complex128),
        motor_speed_pu=np.zeros((len(island.motors), samples)),
        frequency_pu=np.zeros(samples),
    )


def admittance(
    island: PhasorIsland, given: PhasorTables, closed: Bool[Array, " line"]
) -> Shaped[Array, "bus bus"]:
    """Of closed lines, running machines and connected motors."""
    whole = LEAK_PU * np.eye(len(island.buses), dtype=np.complex128)
    for line, shut in zip(island.lines, closed, strict=True):
        if shut:
            ends = [island.buses.index(line.from_bus), island.buses.index(line.to_bus)]
            part = 1.0 / complex(line.resistance_pu, line.reactance_pu)
            whole[np.ix_(ends, ends)] += part * np.array([[1.0, -1.0], [-1.0, 1.0]])
    for rows in (given.diesel, given.motor):
        for row in rows[rows["online"] == 1]:
            own = row["ratio"] * complex(row["conductance"], row["susceptance"])
            whole[row["bus"], row["bus"]] += own
    return whole


def components(island: PhasorIsland, closed: Bool[Array, " line"]) -> Shaped[Array, " bus"]:
    """Number of the part of the island that each bus belongs to."""
    shut = [line for line, is_closed in zip(island.lines, closed, strict=True) if is_closed]
    rows = [island.buses.index(line.from_bus) for line in shut]
    columns = [island.buses.index(line.to_bus) for line in shut]
    count = len(island.buses)
    graph = coo_array((np.ones(len(shut)), (rows, columns)), shape=(count, count))
    return connected_components(graph, directed=False)[1]


def closed_lines(lines: Sequence[PhasorLine]) -> Bool[Array, " line"]:
    """Which lines are closed at the begin."""
    return np.array([line.closed for line in lines], np.bool_)


def _forming_units(island: PhasorIsland) -> list[FormingUnit]:
    return [unit for unit in island.units if isinstance(unit, FormingUnit)]


def _followers(island: PhasorIsland) -> list[FollowingUnit]:
    return [unit for unit in island.units if isinstance(unit, FollowingUnit)]


def _diesels(island: PhasorIsland) -> list[DieselUnit]:
    return [unit for unit in island.units if isinstance(unit, DieselUnit)]


def _rows(kind: "np.dtype[np.void]", values: list[Row]) -> Shaped[Array, " row"]:
    rows = np.zeros(len(values), kind)
    for row, value in zip(rows, values, strict=True):
        for name in kind.names or ():
            row[name] = value[name]
    return rows


def _set_point(power_pu: float) -> Row:
    return {"from_pu": power_pu, "to_pu": power_pu, "ramp_from_s": NEVER_S, "ramp_to_s": NEVER_S}


def _battery(name: str, dc: DcSide | None, rating_kva: float, order: list[str]) -> Row:
    if dc is None:
        return {
            "dc": -1,
            "rating_kw": rating_kva,
            "ohm": 0.0,
            "needed_v": 0.0,
            "efficiency": 1.0,
            "capacity_kws": np.inf,
        }
    return {
        "dc": order.index(name),
        "rating_kw": rating_kva,
        "ohm": dc.resistance_ohm,
        "needed_v": 0.0 if dc.regulated else np.sqrt(2.0) * dc.ac_voltage_v,
        "efficiency": dc.efficiency,
        "capacity_kws": dc.pack.capacity_kwh * S_PER_H,
    }


def _forming(unit: FormingUnit, island: PhasorIsland, order: list[str]) -> Row:
    model = unit.model
    own = 1.0 / complex(model.resistance_pu, model.reactance_pu)
    # The limiter of power acts on the speed, before the droop multiplies all of it: its gains are
    # divided by the droop here.
    return {
        "online": 0,
        "bus": island.buses.index(unit.bus),
        "voltage_control": int(model.voltage_control),
        "isochronous": int(unit.isochronous),
        "ratio": unit.rating_kva / island.base_kva,
        "conductance": own.real,
        "susceptance": own.imag,
        "droop": model.power_droop_pu,
        "reactive_droop": model.reactive_droop_pu,
        "gain": model.voltage_gain,
        "integral": model.voltage_integral_per_s,
        "least_e": model.least_voltage_pu,
        "most_e": model.most_voltage_pu,
        "most_p": model.most_power_pu,
        "least_p": model.least_power_pu,
        "most_q": model.most_reactive_pu,
        "p_gain": model.power_limit_gain / model.power_droop_pu,
        "p_integral": model.power_limit_integral_per_s / model.power_droop_pu,
        "q_gain": model.reactive_limit_gain,
        "q_integral": model.reactive_limit_integral_per_s,
        "measuring_s": model.measuring_s,
        "most_i": model.most_current_pu,
        "voltage": unit.voltage_pu,
        "reactive": unit.reactive_kvar / unit.rating_kva,
        "start_s": NEVER_S,
        "ramp_s": unit.ramp_s,
        **_set_point(unit.power_kw / unit.rating_kva),
        **_battery(unit.name, unit.dc, unit.rating_kva, order),
    }


def _following(unit: FollowingUnit, island: PhasorIsland, order: list[str]) -> Row:
    natural = 2.0 * np.pi * unit.pll_hz
    base = 2.0 * np.pi * island.nominal_hz
    low, high = unit.frequency_window_hz
    return {
        "online": 0,
        "serving": 0,
        "bus": island.buses.index(unit.bus),
        "ratio": unit.rating_kva / island.base_kva,
        "gain": 2.0 * unit.pll_damping * natural / base,
        "integral": natural**2 / base,
        "current_s": unit.current_s,
        "reactive": unit.reactive_kvar / unit.rating_kva,
        "most_i": unit.most_current_pu,
        "least_v": unit.voltage_window_pu[0],
        "most_v": unit.voltage_window_pu[1],
        "least_f": low / island.nominal_hz - 1.0,
        "most_f": high / island.nominal_hz - 1.0,
        "trip_s": unit.trip_s,
        "enter_s": unit.enter_s,
        "ramp_s": unit.ramp_s,
        "served_s": NEVER_S,
        **_set_point(unit.power_kw / unit.rating_kva),
        **_battery(unit.name, unit.dc, unit.rating_kva, order),
    }


def _diesel(unit: DieselUnit, island: PhasorIsland) -> Row:
    own = 1.0 / complex(unit.resistance_pu, unit.transient_reactance_pu)
    return {
        "online": 0,
        "bus": island.buses.index(unit.bus),
        "ratio": unit.rating_kva / island.base_kva,
        "conductance": own.real,
        "susceptance": own.imag,
        "inertia_s": unit.inertia_s,
        "damping": unit.damping_pu,
        "speed_gain": 1.0 / unit.droop_pu,
        "speed_integral": unit.governor_integral_per_s if unit.isochronous else 0.0,
        "actuator_s": unit.actuator_s,
        "engine_s": unit.engine_s,
        "most_p": unit.most_power_pu,
        "regulator": unit.regulator_gain,
        "regulator_integral": unit.regulator_integral_per_s,
        "exciter_s": unit.exciter_s,
        "most_e": unit.most_voltage_pu,
        "voltage": unit.voltage_pu,
        "start_s": NEVER_S,
        "ramp_s": unit.ramp_s,
        **_set_point(unit.power_kw / unit.rating_kva),
    }


def _motor(motor: PhasorMotor, island: PhasorIsland) -> Row:
    whole, transient, opening_rad = open_circuit_ratio(motor)
    own = 1.0 / complex(motor.stator_resistance_pu, transient)
    return {
        "online": int(motor.closed),
        "bus": island.buses.index(motor.bus),
        "ratio": motor.rating_kva / island.base_kva,
        "conductance": own.real,
        "susceptance": own.imag,
        "reactance_step": whole - transient,
        "opening_s": opening_rad / (2.0 * np.pi * island.nominal_hz),
        "inertia_s": motor.inertia_s,
        "torque": motor.torque_pu,
    }


def _load(load: PhasorLoad, island: PhasorIsland) -> Row:
    return {
        "closed": int(load.closed),
        "bus": island.buses.index(load.bus),
        "power": load.power_kw / island.base_kva,
        "reactive": load.reactive_kvar / island.base_kva,
        "constant": load.constant_power_share,
        "impedance_below_pu": load.impedance_below_pu,
        **_set_point(1.0),
    }
