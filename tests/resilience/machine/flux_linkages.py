"""An independent island for comparison: all machines by flux linkages and mutual inductances.

One generator set, one motor and one load at a bus, in the frame of the generator's rotor with
f = f_d + j f_q, q ahead of d. Windings instead of voltages behind a transient reactance, so that
nothing is shared with the package but the numbers of the records.
"""

import numpy as np
from scipy.integrate import solve_ivp

from evergrid.resilience.machine.induction import CREEP, InductionMotor
from evergrid.resilience.machine.synchronous import POWER_FILTER_RAD_PER_S, SynchronousGenerator

LEAKAGE_SHARE = 0.5  # of the transient reactance; the outcome does not depend on it


def windings(
    x: float, x_transient: float, open_circuit_s: float, w: float
) -> tuple[float, float, float, float]:
    """Leakage, mutual and rotor inductance (H) and rotor resistance (ohm) of one axis."""
    leakage = LEAKAGE_SHARE * x_transient / w
    mutual, step = x / w - leakage, x_transient / w - leakage
    rotor = step * mutual / (mutual - step)
    return leakage, mutual, rotor, (mutual + rotor) / open_circuit_s


class FluxIsland:
    """The island; its state is named in `rates`."""

    def __init__(
        self, generator: SynchronousGenerator, motor: InductionMotor, load_ohm: float, load_h: float
    ) -> None:
        self.generator, self.motor, self.load_ohm, self.load_h = generator, motor, load_ohm, load_h
        g, m = generator, motor
        ohms, self.w = g.voltage_v**2 / g.rating_va, 2 * np.pi * g.nominal_hz
        x_t, x_q = g.transient_reactance_pu * ohms, g.quadrature_reactance_pu * ohms
        self.axes = (
            windings(g.reactance_pu * ohms, x_t, g.open_circuit_s, self.w),
            windings(x_q, x_t, g.quadrature_open_circuit_s, self.w),
        )
        m_ohm = m.voltage_v**2 / m.rating_va
        mutual = m.magnetising_reactance_pu * m_ohm / self.w
        stator = m.stator_reactance_pu * m_ohm / self.w + mutual
        rotor = m.rotor_reactance_pu * m_ohm / self.w + mutual
        self.motor_h = np.array([[stator, mutual], [mutual, rotor]])
        self.motor_ohm = m.stator_resistance_pu * m_ohm, m.rotor_resistance_pu * m_ohm
        self.stator_ohm = g.resistance_pu * ohms

    def at_no_load(self) -> np.ndarray:
        """The generator at nominal voltage, motor and load about to be connected."""
        g = self.generator
        (_, mutual, rotor, _), _ = self.axes
        field = g.voltage_v / (self.w * mutual)
        start = np.zeros(17)
        start[0], start[2] = g.voltage_v / self.w, (mutual + rotor) * field
        start[14] = start[15] = 1.0
        return start

    def currents(self, x: np.ndarray) -> tuple[complex, complex, complex, complex, complex]:
        """Of stator, rotor windings (field + j damper), motor's stator and rotor, and load."""
        stator, rotor = np.zeros(2), np.zeros(2)
        for axis, (leakage, mutual, own, _) in enumerate(self.axes):
            matrix = np.array([[-(leakage + mutual), mutual], [-mutual, mutual + own]])
            stator[axis], rotor[axis] = np.linalg.solve(matrix, [x[axis], x[2 + axis]])
        fluxes = np.array([complex(*x[4:6]), complex(*x[6:8])])
        motor = np.linalg.solve(self.motor_h, fluxes)
        return complex(*stator), complex(*rotor), motor[0], motor[1], complex(*x[8:10])

    def rates(self, _: float, x: np.ndarray) -> np.ndarray:
        """Fluxes of generator (d, q, field, damper), motor (stator, rotor), current of the load.

        Then slip, speed of the motor, rack, torque, field voltage, regulator, and reactive power.
        """
        at_0 = self._rates_at(x, 0j)
        miss = np.array([self._miss(x, at_0)])
        columns = [self._miss(x, self._rates_at(x, v)) - miss[0] for v in (1.0 + 0j, 1j)]
        matrix = np.array([[one.real for one in columns], [one.imag for one in columns]])
        v_d, v_q = np.linalg.solve(matrix, [-miss[0].real, -miss[0].imag])
        return self._rates_at(x, complex(v_d, v_q))

    def _miss(self, x: np.ndarray, out: np.ndarray) -> complex:
        """Rate of what the currents at the bus do not add up to."""
        stator, _, motor, _, load = self.currents(out)
        return stator - motor - load

    def voltage(self, x: np.ndarray) -> complex:
        """Of the bus."""
        at = [self._miss(x, self._rates_at(x, v)) for v in (0j, 1.0 + 0j, 1j)]
        one, two = at[1] - at[0], at[2] - at[0]
        matrix = np.array([[one.real, two.real], [one.imag, two.imag]])
        return complex(*np.linalg.solve(matrix, [-at[0].real, -at[0].imag]))

    def _rates_at(self, x: np.ndarray, v: complex) -> np.ndarray:
        g, m, out = self.generator, self.motor, np.zeros(17)
        stator, rotor, drawn, cage, load = self.currents(x)
        slip, speed, rack, torque, field_pu, regulator, q = x[10:17]
        w = self.w * (1 + slip)
        flux = complex(x[0], x[1])
        moved = v + self.stator_ohm * stator - 1j * w * flux
        out[0], out[1] = moved.real, moved.imag
        (_, mutual, _, field_ohm), (_, _, _, damper_ohm) = self.axes
        field_v = field_ohm * field_pu * g.voltage_v / (self.w * mutual)
        out[2], out[3] = field_v - field_ohm * rotor.real, -damper_ohm * rotor.imag
        psi_s, psi_r = complex(*x[4:6]), complex(*x[6:8])
        moved = v - self.motor_ohm[0] * drawn - 1j * w * psi_s
        out[4], out[5] = moved.real, moved.imag
        moved = -self.motor_ohm[1] * cage - 1j * (w - self.w * speed) * psi_r
        out[6], out[7] = moved.real, moved.imag
        moved = (v - self.load_ohm * load) / self.load_h - 1j * w * load
        out[8], out[9] = moved.real, moved.imag
        airgap = self.w * (np.conj(flux) * stator).imag / g.rating_va
        out[10] = (torque - airgap - g.damping_pu * slip) / (2 * g.inertia_s)
        shaft = self.w * (np.conj(psi_s) * drawn).imag / m.rating_va
        fixed = m.torque_pu * m.fixed_torque_share * np.clip(speed / CREEP, -1, 1)
        fan = m.torque_pu * (1 - m.fixed_torque_share) * speed * abs(speed)
        out[11] = (shaft - fixed - fan) / (2 * m.inertia_s)
        asked = np.clip(-slip * g.most_power_pu / g.speed_droop_pu, -0.1, g.most_power_pu)
        out[12] = (asked - rack) / g.actuator_s
        out[13] = (rack - torque) / g.engine_s
        droop = g.voltage_droop_pu * q / g.rating_va
        missing = 1.0 - droop - abs(v) / g.voltage_v
        wanted = g.regulator_gain * missing + regulator
        field = np.clip(wanted, 0.0, g.most_field_pu)
        out[14] = (field - field_pu) / g.exciter_s
        held = (wanted > field and missing > 0) or (wanted < field and missing < 0)
        out[15] = 0.0 if held else g.regulator_integral_per_s * missing
        out[16] = POWER_FILTER_RAD_PER_S * ((v * np.conj(stator)).imag - q)
        return out

    def after(self, seconds: tuple[float, ...]) -> np.ndarray:
        """States at some times, by an implicit method of high order."""
        found = solve_ivp(
            self.rates,
            (0.0, seconds[-1]),
            self.at_no_load(),
            "Radau",
            t_eval=seconds,
            rtol=1e-8,
            atol=1e-8,
        )
        assert found.success
        return found.y.T
