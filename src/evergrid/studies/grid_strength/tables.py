"""The tables of grid strength: every phase, every inverter, every step of the response."""

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.units import kw_from_w
from evergrid.grid.feeder.connections import PHASES
from evergrid.studies.grid_strength.findings import ADVISED, ASKED, SETTINGS, StrengthResults


def results(found: StrengthResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {"nodes": nodes(found), "inverters": inverters(found), "hunting": hunting(found)}


def nodes(found: StrengthResults) -> pl.DataFrame:
    """The grid at each phase of each bus, alone and with the bus's other phases."""
    feeder, seen, buses = found.feeder, found.nodes, found.buses
    (node,) = np.nonzero(feeder.nodes.phase <= PHASES)
    bus = feeder.nodes.bus[node]
    ohm = seen.impedance * kw_from_w(1.0) * feeder.base_v[node] ** 2
    columns = {
        "node": seen.name,
        "bus": feeder.buses.name[bus],
        "phase": feeder.nodes.phase[node],
        "base_v": feeder.base_v[node],
        "resistance_ohm": ohm.real,
        "reactance_ohm": ohm.imag,
        "short_circuit_kva": seen.short_circuit_kva,
        "x_over_r": seen.x_over_r,
        "scr": seen.short_circuit_kva / found.request.unit_kva,
        "rise_pu_per_kw": seen.rise_pu_per_kw,
        "rise_pu_per_kvar": seen.rise_pu_per_kvar,
        "bus_phases": np.bincount(bus, minlength=len(buses.name))[bus],
        "bus_short_circuit_kva": buses.short_circuit_kva[bus],
        "bus_x_over_r": buses.x_over_r[bus],
        "bus_scr": found.bus_scr[bus],
        "bus_rise_pu_per_kw": buses.rise_pu_per_kw[bus],
        "bus_rise_pu_per_kvar": buses.rise_pu_per_kvar[bus],
    }
    return _frame(columns)


def inverters(found: StrengthResults) -> pl.DataFrame:
    """Each inverter: what it sees, its loop, its advised slope and its swing."""
    places, seen, rise = found.inverters, found.at_inverters, found.sensitivity
    _, first = np.unique(places.owner, return_index=True)
    bus = found.feeder.nodes.bus[places.branches.node[places.row[first]]]
    swing = found.response.swing_pu
    columns = {
        "inverter": places.name,
        "bus": found.feeder.buses.name[bus],
        "branches": np.bincount(places.owner, minlength=len(places)),
        "rating_kva": found.rating_kva,
        "short_circuit_kva": seen.short_circuit_kva,
        "x_over_r": seen.x_over_r,
        "scr": found.scr,
        "scr_with_others": found.scr_with_others,
        "voltage_pu": rise.voltage_pu,
        "rise_pu_per_kw": np.diag(rise.rise_pu_per_kw),
        "rise_pu_per_kvar": np.diag(rise.rise_pu_per_kvar),
        "unloaded_rise_pu_per_kw": seen.rise_pu_per_kw,
        "unloaded_rise_pu_per_kvar": seen.rise_pu_per_kvar,
        "loop_gain": np.diag(found.loops[ASKED].gain),
        "loop_gain_with_others": found.gain_with_others,
        "slope": found.settings[ASKED].slope,
        "advised_slope": found.settings[ADVISED].slope,
        "swing_pu": swing[ASKED],
        "advised_swing_pu": swing[ADVISED],
    }
    return _frame(columns)


def hunting(found: StrengthResults) -> pl.DataFrame:
    """Voltage and reactive power of each inverter after the source's step, with both settings."""
    voltage = found.response.voltage_pu
    settings, count, instants = voltage.shape
    instant = np.arange(instants) - 1  # the first is before the step
    return _frame(
        {
            "setting": np.repeat(np.array(SETTINGS, dtype=object), count * instants),
            "inverter": np.tile(np.repeat(found.inverters.name, instants), settings),
            "time_s": np.tile(instant * found.request.step_s, settings * count),
            "voltage_pu": voltage.ravel(),
            "reactive_kvar": found.response.reactive_kvar.ravel(),
        }
    )


def of_buses(found: StrengthResults) -> dict[str, Float[Array, " bus"]]:
    """What the map file tells of each bus."""
    return {
        "scr": found.bus_scr,
        "short_circuit_kva": found.buses.short_circuit_kva,
        "x_over_r": found.buses.x_over_r,
        "rise_pu_per_kvar": found.buses.rise_pu_per_kvar,
        "rise_pu_per_kw": found.buses.rise_pu_per_kw,
    }


def _frame(columns: dict[str, Shaped[Array, " row"]]) -> pl.DataFrame:
    """A table in which NaN, what could not be judged, is null."""
    texts = {k: v.astype(str) if v.dtype == object else v for k, v in columns.items()}
    return pl.DataFrame({k: pl.Series(k, v) for k, v in texts.items()}).fill_nan(None)
