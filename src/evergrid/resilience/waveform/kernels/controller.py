"""The discrete controller and the modulator."""

import math
from typing import no_type_check

from evergrid.core.computing.kernels import kernel
from evergrid.resilience.waveform.kernels.circuit import THIRD, ramp
from evergrid.resilience.waveform.kernels.triples import shifted

ANGLE, SPEED, ACTIVE, REACTIVE, XI_D, XI_Q, NEGATIVE_D, NEGATIVE_Q, GAMMA_D, GAMMA_Q = range(10)
MEMORY = 10  # numbers that the controller keeps from sample to sample
TRACKING = 0.1  # share of what a limit cuts off by which an integrator is drawn back in a sample


@kernel(error_model="numpy")
@no_type_check
def direct_and_quadrature(angle, values):
    """Two components of three phases in a frame at an angle; amplitudes are kept."""
    direct, quadrature = 0.0, 0.0
    for k in range(3):
        direct += 2.0 / 3.0 * values[k] * math.cos(angle - THIRD * k)
        quadrature -= 2.0 / 3.0 * values[k] * math.sin(angle - THIRD * k)
    return direct, quadrature


@kernel(error_model="numpy")
@no_type_check
def sample_control(plant, control, time_s, state, output, memory):
    """One sample of the controller: what the bridge is told for the next period.

    Limits draw back the integrators in front of them by a share of what they cut off. The negative
    sequence has an integrator in its own frame, which turns the other way.
    """
    period = control.period_s
    angle = memory[ANGLE]
    vd, vq = direct_and_quadrature(angle, state.bus)
    id_, iq = direct_and_quadrature(angle, state.inductor)
    od, oq = direct_and_quadrature(angle, output)
    # droop on filtered powers; the filter is exact for powers that are constant in a period
    keep = math.exp(-control.power_filter * period)
    memory[ACTIVE] = keep * memory[ACTIVE] + (1.0 - keep) * (vd * od + vq * oq)
    memory[REACTIVE] = keep * memory[REACTIVE] + (1.0 - keep) * (vq * od - vd * oq)
    speed = 1.0 - control.frequency_droop * memory[ACTIVE]
    level = ramp(control, time_s) * (1.0 - control.voltage_droop * memory[REACTIVE])
    # voltage loop: a current reference, with what the capacitors take, cut to the limit
    capacitor, inductor = plant.bus_c * speed, plant.filter_l * speed
    ed, eq = level - vd, -vq
    wish_d = control.current_feed_forward * od - capacitor * vq
    wish_q = control.current_feed_forward * oq + capacitor * vd
    wish_d += control.voltage_gain * ed + memory[XI_D]
    wish_q += control.voltage_gain * eq + memory[XI_Q]
    cosine, sine = math.cos(2.0 * angle), math.sin(2.0 * angle)
    wish_d += memory[NEGATIVE_D] * cosine + memory[NEGATIVE_Q] * sine
    wish_q += memory[NEGATIVE_Q] * cosine - memory[NEGATIVE_D] * sine
    size = math.sqrt(wish_d * wish_d + wish_q * wish_q)
    cut = min(control.current_limit / size, 1.0) if size > 0.0 else 1.0
    back_d, back_q = TRACKING * (cut - 1.0) * wish_d, TRACKING * (cut - 1.0) * wish_q
    if control.voltage_integral > 0.0:
        memory[XI_D] += control.voltage_integral * period * ed + back_d
        memory[XI_Q] += control.voltage_integral * period * eq + back_q
    if control.negative_integral > 0.0:
        step_d = control.negative_integral * period * ed + back_d
        step_q = control.negative_integral * period * eq + back_q
        memory[NEGATIVE_D] += step_d * cosine - step_q * sine
        memory[NEGATIVE_Q] += step_q * cosine + step_d * sine
    # current loop: voltages of the bridge, with the fall along the inductor taken in advance
    fd, fq = cut * wish_d - id_, cut * wish_q - iq
    ud = control.voltage_feed_forward * vd - inductor * iq
    uq = control.voltage_feed_forward * vq + inductor * id_
    ud += control.current_gain * fd + memory[GAMMA_D]
    uq += control.current_gain * fq + memory[GAMMA_Q]
    # back to phases at the angle that the frame has in the middle of the period to come
    ahead = angle + 1.5 * plant.base_rad_per_s * speed * period
    wanted = (
        ud * math.cos(ahead) - uq * math.sin(ahead),
        ud * math.cos(ahead - THIRD) - uq * math.sin(ahead - THIRD),
        ud * math.cos(ahead + THIRD) - uq * math.sin(ahead + THIRD),
    )
    if not plant.four_wire:
        wanted = shifted(wanted, -0.5 * (max(wanted) + min(wanted)))
    limit = control.leg_limit
    orders = (
        min(max(wanted[0], -limit), limit),
        min(max(wanted[1], -limit), limit),
        min(max(wanted[2], -limit), limit),
    )
    if orders == wanted:
        memory[GAMMA_D] += control.current_integral * period * fd
        memory[GAMMA_Q] += control.current_integral * period * fq
    memory[SPEED] = speed
    return orders


@kernel(error_model="numpy")
@no_type_check
def on_share(duty, place):
    """How long a leg has been at the upper rail since the sample, over the period.

    The carrier is a triangle whose lowest point is at the sample.
    """
    return min(place, 0.5 * duty) + max(0.0, place - (1.0 - 0.5 * duty))


@kernel(error_model="numpy")
@no_type_check
def mean_leg(control, order, begin, end):
    """Mean of a leg's voltage between two places in the period; exact to the edges."""
    duty = 0.5 * (1.0 + order / control.leg_limit)
    on = (on_share(duty, end) - on_share(duty, begin)) / (end - begin)
    return control.leg_limit * (2.0 * on - 1.0)
