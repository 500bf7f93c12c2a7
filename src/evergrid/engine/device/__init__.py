"""The interior-point method for accelerators: one source for CPUs and GPUs, devices and hosts.

It is the method of `evergrid.engine.interior_point.interior_point`, written for JAX, which this
package imports only when it is asked to solve.
"""

from collections.abc import Sequence
from typing import Any, Literal

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.engine.interior_point.interior_point import Iterate, supports
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap
from evergrid.engine.solution import Guess

__all__ = ["minimise", "supports"]


def minimise(
    program: Program,
    *,
    gap: float,
    deadline: float,
    guess: Guess | None = None,
    devices: Sequence[Any] | None = None,
    precision: Literal["float64", "float32"] = "float64",
    progress: GapProgress = ignore_gap,
) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Where several processes run, all of them call this with the same program and all have the
    result.

    Args:
        program: What to solve; `supports` it.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        guess: Where to begin, from a plan for nearly the same program.
        devices: Of `jax.devices`, on which stores and their nodes are dealt out; all by default.
        precision: Of the stores' part of the iterate; with a guess it is float64 throughout.
        progress: Called with the iteration reached and its gap, relative to the cost.

    Raises:
        InputError: JAX is not installed.
    """
    try:
        import jax
    except ImportError as error:
        rule = "be one whose packages are installed"
        fix = 'Install "evergrid[device]", or "evergrid[cuda]" for GPUs of NVIDIA.'
        raise InputError("solve", [Fault("method", rule, got=("device",), fix=fix)]) from error
    from evergrid.engine.device import run

    devices = jax.devices() if devices is None else devices
    return run.minimise(
        program,
        gap=gap,
        deadline=deadline,
        guess=guess,
        devices=devices,
        precision=precision,
        progress=progress,
    )
