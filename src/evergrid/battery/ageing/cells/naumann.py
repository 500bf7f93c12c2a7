"""How a small LFP cell ages (Sony-Murata, 3 Ah): Naumann's models of storage and of cycling."""

from typing import final, no_type_check

import numpy as np

from evergrid.battery.ageing import power_law
from evergrid.battery.ageing.model import REST_C_RATE, AbstractAgeingModel, Fade, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import Profile, mean_over_time
from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.units import H_PER_DAY, S_PER_H

GAS_CONSTANT = 8.3144598  # J/(mol K), CODATA 2014 as in the publication
REFERENCE_K = 298.15
SECONDS_PER_DAY = S_PER_H * H_PER_DAY
LOSS_LAW = PowerLaw(0.5, unit=1.0 / SECONDS_PER_DAY)  # over the root of seconds
GAIN_LAW = PowerLaw(1.0, unit=1.0 / SECONDS_PER_DAY)
OPTIONS = {"nogil": True, "error_model": "numpy"}


@final
class NaumannLfp(AbstractAgeingModel):
    """Sony-Murata US26650FTC1, LFP and graphite, 3 Ah: capacity and resistance.

    Cycles are taken as half cycles: stretches in which the state of charge moves one way, each with
    its own depth and current. Cycling does not depend on temperature.

    Source:
        Naumann et al. (2018), J. Energy Storage 17, 153-169, doi 10.1016/j.est.2018.01.019
        (storage) and (2020), J. Power Sources 451, 227666, doi 10.1016/j.jpowsour.2019.227666
        (cycling). The resistance by storage has the square of the state of charge, as SimSES has
        it; BLAST-Lite has a cube.
    """

    name = "naumann_lfp"
    cell = "LFP-graphite, 26650, 3 Ah"
    source = "Naumann et al. (2018, 2020), doi 10.1016/j.jpowsour.2019.227666"
    tested = TestedRange((0.0, 60.0), (0.05, 1.0), 2.0)
    calendar = LOSS_LAW
    cycle = PowerLaw(0.5)

    def aged(self, fade: Fade, window: Profile) -> Fade:
        """The fade after a window."""
        warm = 1.0 / window.temperature_k - 1.0 / REFERENCE_K
        middle = window.soc - 0.5
        loss = 1.2571e-5 * np.exp(-17126.0 / GAS_CONSTANT * warm) * (2.8575 * middle**3 + 0.60225)
        gain = 3.4194e-10 * np.exp(-71827.0 / GAS_CONSTANT * warm) * (1.5604 - 3.3903 * middle**2)
        days = np.full(len(loss), window.hours / H_PER_DAY)
        cycle, resistance_cycle = _cycled(
            fade.cycle, fade.resistance_cycle, window.soc, fade.capacity, window.step_h
        )
        return Fade(
            calendar=power_law.advanced(fade.calendar, mean_over_time(loss), days, LOSS_LAW),
            cycle=cycle,
            resistance_calendar=power_law.advanced(
                fade.resistance_calendar, mean_over_time(gain), days, GAIN_LAW
            ),
            resistance_cycle=resistance_cycle,
        )


def _cycled(
    loss: Float[Array, " battery"],
    gain: Float[Array, " battery"],
    soc: Float[Array, "battery point"],
    capacity: Float[Array, " battery"],
    step_h: float,
) -> tuple[Float[Array, " battery"], Float[Array, " battery"]]:
    """Loss and gain of resistance after the half cycles of a window, one after the other."""
    return _half_cycles(loss, gain, np.ascontiguousarray(soc), capacity, step_h)


@kernel(**OPTIONS)
@no_type_check
def _half_cycles(loss, gain, soc, capacity, step_h):
    """Walk along each state of charge; whenever it turns, the stretch before was a half cycle.

    Steps at rest belong to no stretch. Loss is the root of full equivalent cycles under each
    stretch's rate: it goes on from the cycles at which that curve stands at the present loss.
    """
    after, grown = loss.copy(), gain.copy()
    for n in range(len(soc)):
        depth, hours, way = 0.0, 0.0, 0.0
        for k in range(1, soc.shape[1] + 1):
            move = soc[n, k] - soc[n, k - 1] if k < soc.shape[1] else -way
            if abs(move) < REST_C_RATE * step_h:
                continue
            if depth > 0.0 and move * way < 0.0:
                current = depth / hours * capacity[n]
                cycles = depth / 2.0 * capacity[n]
                rate = (0.0630 * current + 0.0971) * (4.0253 * (depth - 0.6) ** 3 + 1.0923) / 100.0
                after[n] = np.sqrt(after[n] ** 2 + rate**2 * cycles)
                steep = (-0.0020 * current + 0.0021) * (6.8477 * (depth - 0.5) ** 3 + 0.91882)
                grown[n] += max(steep, 0.0) * cycles / 100.0
                depth, hours = 0.0, 0.0
            depth += abs(move)
            hours += step_h
            way = 1.0 if move > 0.0 else -1.0
    return after, grown
