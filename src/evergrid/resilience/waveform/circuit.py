"""A case as the kernels need it: everything per unit of the source, events in a list."""

import math
from typing import TypeVar

import numpy as np

from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.kernels import records
from evergrid.resilience.waveform.kernels.records import (
    BlockData,
    CircuitData,
    ControllerData,
    EventList,
)
from evergrid.resilience.waveform.network import PHASES, SaturableTransformer
from evergrid.resilience.waveform.sources import EmtControl, EmtInverter

Record = TypeVar("Record", CircuitData, ControllerData)


def _floats(record: Record) -> Record:
    """Whole numbers as floating-point ones, so that one compiled form serves all cases."""
    values = record._asdict().items()
    return record._replace(**{name: v if isinstance(v, bool) else float(v) for name, v in values})


def circuit_of(case: WaveformCase) -> CircuitData:
    """The circuit of a case."""
    source, transformer = case.source, case.transformer
    given = transformer or SaturableTransformer(source.rating_kva, source.line_voltage_v)
    # Per unit of the source; an impedance in per unit of another rating is as much larger as that
    # rating is smaller.
    ratio = source.rating_kva / given.rating_kva
    inverter = source if isinstance(source, EmtInverter) else EmtInverter()
    earth = inverter.filter.earth_capacitance_pu
    bus = inverter.filter.capacitance_pu + earth
    four_wire = inverter.wires == "four_wire"
    return _floats(
        CircuitData(
            base_rad_per_s=2 * math.pi * source.nominal_hz,
            stiff=not isinstance(source, EmtInverter),
            four_wire=four_wire,
            filter_l=inverter.filter.inductance_pu,
            filter_r=inverter.filter.resistance_pu,
            bus_c=bus,
            per_filter_l=1.0 / inverter.filter.inductance_pu,
            per_bus_c=1.0 / bus,
            per_zero_c=1.0 / (bus if four_wire else earth),
            transformer=transformer is not None,
            delta=given.connection == "D-yg",
            knee=given.knee_pu,
            per_magnetising=1.0 / (given.magnetising_pu * ratio),
            per_air_core=1.0 / (given.air_core_pu * ratio),
            loss_g=1.0 / (given.core_loss_pu * ratio),
            per_leakage=1.0 / (given.leakage_pu * ratio),
            resistance=given.resistance_pu * ratio,
        )
    )


def blocks_of(case: WaveformCase) -> BlockData:
    """Loads and faults of a case, all open."""
    base_ohm = case.source.base_ohm
    conductance = np.zeros((len(case.loads), 3))
    branch, rows = np.full(len(case.loads), -1), []
    for number, load in enumerate(case.loads):
        row = np.zeros((2, 3))
        for phase, impedance in enumerate(load.impedances_ohm(case.source.line_voltage_v)):
            if impedance is None:
                continue
            resistance, reactance = (value / base_ohm for value in impedance)
            if reactance == 0.0:
                conductance[number, phase] = 1.0 / resistance
            else:
                row[:, phase] = resistance, 1.0 / reactance
        if row.any():
            branch[number] = len(rows)
            rows.append(row)
    # Loads without inductance are conductances, which add up; the others have a current each.
    fault_g = np.zeros((len(case.earth_faults), 3))
    for number, fault in enumerate(case.earth_faults):
        touched = [phase in fault.phases for phase in PHASES]
        fault_g[number] = np.array(touched) * (base_ohm / fault.resistance_ohm)
    inductive = np.array(rows).reshape(-1, 2, 3)
    room = [np.zeros((len(rows), 3)) for _ in range(5)]
    return BlockData(
        conductance,
        branch,
        np.ascontiguousarray(inductive[:, 0]),
        np.ascontiguousarray(inductive[:, 1]),
        fault_g,
        *room,
    )


def controller_of(case: WaveformCase) -> ControllerData:
    """The controller of a case; a stiff source has only its ramp."""
    source = case.source
    inverter = source if isinstance(source, EmtInverter) else None
    gains = inverter.control if inverter else EmtControl()
    peak = source.peak_voltage_v
    return _floats(
        ControllerData(
            period_s=1.0 / gains.sample_hz,
            current_gain=gains.current_gain_pu,
            current_integral=gains.current_integral_per_s,
            voltage_feed_forward=gains.voltage_feed_forward,
            voltage_gain=gains.voltage_gain_pu,
            voltage_integral=gains.voltage_integral_per_s,
            negative_integral=gains.negative_integral_per_s,
            current_feed_forward=gains.current_feed_forward,
            current_limit=gains.current_limit_pu,
            frequency_droop=gains.frequency_droop_pu,
            voltage_droop=gains.voltage_droop_pu,
            power_filter=gains.power_filter_rad_per_s,
            leg_limit=inverter.dc_voltage_v / 2 / peak if inverter else 1.0,
            switching=inverter is not None and inverter.modulation == "switching",
            ramp_start_s=case.ramp.start_s,
            ramp_s=case.ramp.duration_s,
            s_shaped=case.ramp.shape == "s_shaped",
            source_angle=0.0 if isinstance(source, EmtInverter) else math.radians(source.angle_deg),
        )
    )


def events_of(case: WaveformCase) -> EventList:
    """Everything that happens, and the kinks of the ramp, which must lie between steps."""
    rows: list[tuple[float, int, int, float]] = [
        (second, records.BREAKPOINT, 0, math.nan)
        for second in (case.ramp.start_s, case.ramp.start_s + case.ramp.duration_s)
    ]
    transformer = case.transformer
    if transformer is not None:
        degrees = transformer.close_angle_deg
        # the angle of the controller is that of a cosine
        angle = math.nan if degrees is None else math.radians(degrees - 90.0)
        rows.append((transformer.close_s, records.CLOSE_TRANSFORMER, 0, angle))
    rows += [
        (load.close_s, records.CLOSE_LOAD, number, math.nan)
        for number, load in enumerate(case.loads)
    ]
    for number, fault in enumerate(case.earth_faults):
        rows.append((fault.start_s, records.FAULT_ON, number, math.nan))
        rows.append((fault.end_s, records.FAULT_OFF, number, math.nan))
    second, kind, which, angle = (np.array(column) for column in zip(*rows, strict=True))
    waits = ~np.isnan(angle)
    return EventList(
        time_s=np.where(waits, np.inf, second),
        kind=kind,
        which=which,
        angle=angle,
        earliest_s=second,
        done=np.zeros(len(rows), bool),
    )
