"""The method from start to end: over devices and processes, until the gap or the deadline."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.certificate import Dual, certify, proven
from evergrid.engine.device import iterate
from evergrid.engine.device.barrier import Rows
from evergrid.engine.device.iterate import IterationReport, Reading, Scale, State
from evergrid.engine.device.layout import Layout, lay_out
from evergrid.engine.device.levels import AXIS, Levels, Tree
from evergrid.engine.device.stores import Stores
from evergrid.engine.device.warm_start import WarmStart
from evergrid.engine.interior_point import store_state
from evergrid.engine.interior_point.interior_point import (
    MOST_ITERATIONS,
    MOST_POLISHED,
    GapProgress,
    Iterate,
    least_products,
)
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess

EACH = PartitionSpec(AXIS)  # an array with one part per device
COARSE = 1e-2  # relative gap that float32 is asked for; nearer the edge float64 cannot go on
SAME = PartitionSpec()  # a number that all devices know
Part = TypeVar("Part", Stores, Tree, State, Reading, WarmStart)


class CompiledRun(NamedTuple):
    """The functions of one forest's shape, compiled when first called."""

    begin: Callable[..., State]
    begin_warm: Callable[..., State]
    resume: Callable[..., State]
    reopen: Callable[..., State]
    iterate: Callable[..., tuple[State, IterationReport]]
    read: Callable[..., Reading]


def minimise(
    program: Program,
    *,
    gap: float,
    deadline: float,
    guess: Guess | None,
    devices: Sequence[Any],
    precision: str,
    progress: GapProgress,
) -> Iterate:
    """Iterate until what is read off proves the gap for the whole program, or the deadline."""
    with jax.enable_x64(True):
        solve = _Solve(program, devices, deadline, progress)
        scale = _scale(program, gap)
        if guess is not None:
            solve.begin_warm(scale, guess)
        else:
            if precision == "float32":
                solve.go_on({**scale, "gap": max(gap, COARSE), "leeway": np.inf}, precision)
            solve.go_on(scale, "float64")
        return _proven(program, solve, gap)


def _proven(program: Program, solve: "_Solve", gap: float) -> Iterate:
    """The result, after a few more iterations where it proves less than the method thinks."""
    made = solve.result()
    reached = certify(program, made.power_kw, made.dual).gap
    for _ in range(MOST_POLISHED):
        if reached <= gap or solve.late():
            break
        solve.polish()
        made = solve.result()
        before, reached = reached, certify(program, made.power_kw, made.dual).gap
        if reached > 0.5 * before:
            break
    return made


class _Solve:
    """A solve under way: its iterate and history."""

    given: tuple[Stores, Tree, Scale]

    def __init__(
        self, program: Program, devices: Sequence[Any], deadline: float, progress: GapProgress
    ) -> None:
        self.program, self.deadline, self.progress = program, deadline, progress
        self.mesh = Mesh(np.array(devices), (AXIS,))
        self.layout = lay_out(program, len(devices))
        self.compiled = _compiled(self.mesh, self.layout.levels)
        self.state: State | None = None
        self.history: list[tuple[float, float]] = []
        self.guess: Guess | None = None
        self.kept = np.zeros(program.nodes, bool)

    def begin_warm(self, scale: dict[str, float], guess: Guess) -> None:
        """Iterate from a guess; trees for which it is proven good enough are kept as they are."""
        self.guess = guess
        self.kept = proven(self.program, guess.power_kw, guess.dual, scale["gap"])
        self.given = _given(self.mesh, self.layout, scale, "float64")
        least = least_products(self.program, guess, scale["gap"], scale["centre"])
        warm = _warm(self.mesh, self.layout, self.program, guess, least, self.kept)
        self.state = self.compiled.begin_warm(*self.given, warm)
        if not self.kept[self.program.node].all():
            self._iterate(MOST_ITERATIONS)

    def go_on(self, scale: dict[str, float], precision: str) -> None:
        """Iterate in this precision, from where another one has come."""
        self.given = _given(self.mesh, self.layout, scale, precision)
        if self.state is None:
            self.state = self.compiled.begin(*self.given)
        else:
            self.state = self.compiled.resume(*self.given, self.state)
        if self.layout.tree["used"].any():
            self._iterate(len(self.history) + MOST_ITERATIONS)

    def polish(self) -> None:
        """Go on with the trees that are solved."""
        self.state = self.compiled.reopen(*self.given, self.state)
        made = len(self.history)
        if self.layout.tree["used"].any():
            self._iterate(MOST_ITERATIONS)
        if len(self.history) > made:
            self.kept[:] = False

    def _iterate(self, most: int) -> None:
        """Iterate until done, too late, or too often."""
        going = True
        while going and len(self.history) < most and not self.late():
            self.state, report = self.compiled.iterate(*self.given, self.state)
            going = bool(report.active)
            self.history.append((float(report.gap), float(report.residual)))
            self.progress(len(self.history), float(report.gap) / max(float(report.cost), 1e-300))

    def late(self) -> bool:
        """Whether the deadline has passed for any process."""
        late = time.perf_counter() >= self.deadline
        if jax.process_count() == 1:
            return late
        return bool(multihost_utils.process_allgather(np.array(late)).any())

    def result(self) -> Iterate:
        """The iterate in the order of the program; a tree that was lost may hold NaN."""
        program, layout = self.program, self.layout
        reading = self.compiled.read(*self.given, self.state)

        def of_slots(array: jax.Array) -> Array:
            return np.nan_to_num(_whole(array).ravel()[layout.slot_at].astype(float))

        def of_nodes(array: jax.Array) -> Array:
            rows = _whole(array)
            return np.nan_to_num(rows.reshape(-1, *rows.shape[2:])[layout.row_at])

        power = of_slots(reading.power_kw)
        made = Iterate(
            power_kw=np.clip(power, -program.charge_limit_kw, program.discharge_limit_kw),
            dual=Dual(
                energy_value=of_slots(reading.value),
                power_price=of_nodes(reading.price),
                budget_price=of_nodes(reading.budget_price),
            ),
            limit_price=of_nodes(reading.limit_price),
            solved=of_nodes(reading.solved),
            iterations=len(self.history),
            history=np.array(self.history).reshape(-1, 2),
        )
        return made if self.guess is None else _with_kept(made, self.guess, self.kept, program)


def _with_kept(
    found: Iterate, guess: Guess, kept: Bool[Array, " node"], program: Program
) -> Iterate:
    """An iterate with the guess in the place of what was kept."""
    at = kept[program.node][program.store]
    dual = Dual(
        np.where(at, guess.dual.energy_value, found.dual.energy_value),
        np.where(kept[:, None], guess.dual.power_price, found.dual.power_price),
        np.where(kept, guess.dual.budget_price, found.dual.budget_price),
    )
    limit_price = np.where(kept[:, None], guess.limit_price, found.limit_price)
    power = np.where(at, guess.power_kw, found.power_kw)
    return replace(found, power_kw=power, dual=dual, limit_price=limit_price)


@lru_cache(maxsize=64)
def _compiled(mesh: Mesh, levels: Levels) -> CompiledRun:
    """The functions for forests with such levels; the sizes of blocks compile when first met."""

    def begin(stores: Stores, tree: Tree, scale: Scale) -> State:
        return _widened(iterate.begin(levels, _own(stores), _own(tree), scale))

    def begin_warm(stores: Stores, tree: Tree, scale: Scale, warm: WarmStart) -> State:
        return _widened(iterate.begin_warm(levels, _own(stores), _own(tree), scale, _own(warm)))

    def resume(stores: Stores, tree: Tree, scale: Scale, state: State) -> State:
        return _widened(iterate.resume(levels, _own(stores), _own(tree), scale, _own(state)))

    def reopen(stores: Stores, tree: Tree, scale: Scale, state: State) -> State:
        return _widened(iterate.reopen(_own(tree), _own(state)))

    def step(
        stores: Stores, tree: Tree, scale: Scale, state: State
    ) -> tuple[State, IterationReport]:
        made, report = iterate.iterate(levels, _own(stores), _own(tree), scale, _own(state))
        return _widened(made), report

    def read(stores: Stores, tree: Tree, scale: Scale, state: State) -> Reading:
        return _widened(iterate.read(levels, _own(stores), _own(tree), scale, _own(state)))

    # Each device has its share of stores and nodes, and the scale in common. The state that an
    # iteration is given is not needed after it, so its memory takes the new one.
    on = partial(jax.shard_map, mesh=mesh, check_vma=False)
    given = (EACH, EACH, SAME)
    return CompiledRun(
        begin=jax.jit(on(begin, in_specs=given, out_specs=EACH)),
        begin_warm=jax.jit(on(begin_warm, in_specs=(*given, EACH), out_specs=EACH)),
        reopen=jax.jit(on(reopen, in_specs=(*given, EACH), out_specs=EACH)),
        resume=jax.jit(on(resume, in_specs=(*given, EACH), out_specs=EACH)),
        iterate=jax.jit(
            on(step, in_specs=(*given, EACH), out_specs=(EACH, SAME)), donate_argnums=3
        ),
        read=jax.jit(on(read, in_specs=(*given, EACH), out_specs=EACH)),
    )


def _own(part: Part) -> Part:
    """A device's own part of arrays that have one part per device."""
    return jax.tree.map(lambda array: array[0], part)


def _widened(part: Part) -> Part:
    return jax.tree.map(lambda array: array[None], part)


def _scale(program: Program, gap: float) -> dict[str, float]:
    """Numbers to start from, as the compiled method has them."""
    start = store_state.start(program)
    numbers = (program.step_h, start.centre, start.worth, gap, 1.0)
    return dict(zip(Scale._fields, numbers, strict=True))


def _given(
    mesh: Mesh, layout: Layout, scale: dict[str, float], precision: str
) -> tuple[Stores, Tree, Scale]:
    """Stores, forest and scale on the devices; each process feeds its own."""

    def in_precision(array: Array) -> Array:
        return array.astype(precision) if array.dtype.kind == "f" else array

    stores = {name: _put(mesh, in_precision(array), EACH) for name, array in layout.stores.items()}
    tree = jax.tree.map(lambda array: _put(mesh, array, EACH), layout.tree)
    tree["held"] = tuple(Rows(**part) for part in tree["held"])
    numbers = {name: _put(mesh, np.array(number), SAME) for name, number in scale.items()}
    return Stores(**stores), Tree(**tree), Scale(**numbers)


def _warm(
    mesh: Mesh,
    layout: Layout,
    program: Program,
    guess: Guess,
    least: Float[Array, " node"],
    good: Bool[Array, " node"],
) -> WarmStart:
    """A guess on the devices."""
    dual = guess.dual
    of_slots = (layout.of_slots(values) for values in (guess.power_kw, dual.energy_value))
    of_nodes = (dual.power_price, program.step_h * dual.budget_price, least, good)
    arrays = (*of_slots, *(layout.rows.spread(values) for values in of_nodes))
    return WarmStart(*(_put(mesh, array, EACH) for array in arrays))


def _put(mesh: Mesh, array: Array, spec: PartitionSpec) -> jax.Array:
    where = NamedSharding(mesh, spec)
    return jax.make_array_from_callback(array.shape, where, lambda index: array[index])


def _whole(array: jax.Array) -> Array:
    """An array from all devices of all processes."""
    if jax.process_count() == 1:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))
