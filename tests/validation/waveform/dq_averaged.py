"""One grid-forming inverter as averages in dq, in continuous time: an independent program.

It shares no code with Evergrid. The discrete controller is replaced by its continuous form behind
Pade's approximation of a delay of 1.5 sampling periods, and phases do not occur. The equations are
those of Pogaku, Prodanovic and Green (2007), IEEE TPEL 22(2), with feed-forward of the voltage and
an integrator for the negative sequence added.
"""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp

NOMINAL = 2 * np.pi * 60.0
RTOL, ATOL = 1e-7, 1e-9


@dataclass(frozen=True)
class DqInverter:
    """Numbers per unit of the inverter; times in seconds."""

    filter_l: float
    filter_r: float
    bus_c: float
    delay_s: float
    current_gain: float
    voltage_gain: float
    voltage_integral: float
    negative_integral: float
    frequency_droop: float
    power_filter: float
    ramp_s: float


@dataclass(frozen=True)
class DqLoad:
    """A resistance and an inductive branch from the start; more conductance from a second on."""

    conductance: float
    branch_r: float
    branch_l: float
    step_s: float
    step_conductance: float


def follow(
    inverter: DqInverter, load: DqLoad, time_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voltage amplitude, power and frequency at given times; all zero at second 0."""
    tau = inverter.delay_s

    def rates(now_s: float, packed: np.ndarray) -> np.ndarray:
        i, v, branch, xi, negative, first, second = packed[:14].view(complex)
        power = packed[14]
        speed = 1.0 - inverter.frequency_droop * power
        turning = 1j * NOMINAL * speed
        conductance = load.conductance + (load.step_conductance if now_s >= load.step_s else 0.0)
        output = conductance * v + branch
        error = min(now_s / inverter.ramp_s, 1.0) - v
        wish = 1j * speed * inverter.bus_c * v + inverter.voltage_gain * error + xi + negative
        bridge = v + 1j * speed * inverter.filter_l * i + inverter.current_gain * (wish - i)
        # (1 - tau s / 2 + tau^2 s^2 / 12) / (1 + tau s / 2 + tau^2 s^2 / 12), in two states
        late = bridge - 12.0 / tau * second
        return np.concatenate(
            [
                np.array(
                    [
                        NOMINAL / inverter.filter_l * (late - v - inverter.filter_r * i)
                        - turning * i,
                        NOMINAL / inverter.bus_c * (i - output) - turning * v,
                        NOMINAL / load.branch_l * (v - load.branch_r * branch) - turning * branch,
                        inverter.voltage_integral * error,
                        inverter.negative_integral * error - 2.0 * turning * negative,
                        second,
                        bridge - 12.0 / tau**2 * first - 6.0 / tau * second,
                    ]
                ).view(float),
                [inverter.power_filter * ((v * np.conj(output)).real - power)],
            ]
        )

    # the step of the load is a corner: each side of it is integrated by itself
    before, after = time_s[time_s < load.step_s], time_s[time_s >= load.step_s]
    first = solve_ivp(
        rates,
        (0.0, load.step_s),
        np.zeros(15),
        "LSODA",
        [*before, load.step_s],
        rtol=RTOL,
        atol=ATOL,
    )
    second = solve_ivp(
        rates, (load.step_s, after[-1]), first.y[:, -1], "LSODA", after, rtol=RTOL, atol=ATOL
    )
    pieces = [first.y[:, :-1], second.y]
    whole = np.ascontiguousarray(np.concatenate(pieces, axis=1).T)
    signals = np.ascontiguousarray(whole[:, :14]).view(complex)
    v, branch = signals[:, 1], signals[:, 2]
    conductance = load.conductance + load.step_conductance * (time_s >= load.step_s)
    power = np.real(v * np.conj(conductance * v + branch))
    return np.abs(v), power, 60.0 * (1.0 - inverter.frequency_droop * whole[:, 14])
