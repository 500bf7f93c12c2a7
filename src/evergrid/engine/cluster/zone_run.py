"""A program solved by workers: small trees whole, large ones in zones that exchange prices."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.engine.certificate import Dual
from evergrid.engine.cluster import zone_cut
from evergrid.engine.cluster.zone_cut import Cut, balanced
from evergrid.engine.cluster.zone_protocol import (
    AbstractWorkers,
    Message,
    RemoteZones,
    Setting,
    Traffic,
    Zone,
)
from evergrid.engine.interior_point import interior_point, store_state
from evergrid.engine.interior_point.interior_point import Iterate, Run, pursue
from evergrid.engine.parts import Part, part, roots
from evergrid.engine.program import Program
from evergrid.engine.progress import GapProgress, ignore_gap

LARGE = 1.5  # a tree of more even shares than this is cut into zones
BAG_SLOTS = 3_000_000  # trees are dealt out in bags of about so many at most, for memory

TrafficReport = Callable[[Traffic], None]


def ignore_traffic(traffic: Traffic) -> None:
    """Nobody wants to know what passed."""


@runtime_checkable
class AbstractHost(Protocol):
    """Where the work is done."""

    def reserve(self, count: int) -> int:
        """Hold workers for at most so many zones until `close`; how many there are."""
        ...

    def workers(self, settings: Sequence[Setting]) -> AbstractWorkers:
        """Workers for these zones, no more than are reserved, none of them started."""
        ...

    def each(self, programs: Sequence[Program], gap: float, deadline: float) -> list[Iterate]:
        """Every one of these programs solved by itself, side by side; none is reserved then."""
        ...

    def close(self) -> None:
        """Give back the workers."""
        ...


@final
class LocalHost:
    """This process: for tests, and to see what happens."""

    def reserve(self, count: int) -> int:
        """As many as are wanted."""
        return count

    def workers(self, settings: Sequence[Setting]) -> "LocalWorkers":
        """Zones in memory."""
        return LocalWorkers(settings)

    def each(self, programs: Sequence[Program], gap: float, deadline: float) -> list[Iterate]:
        """One after another."""
        return [interior_point.minimise(item, gap=gap, deadline=deadline) for item in programs]

    def close(self) -> None:
        """Nothing is held."""


class LocalWorkers:
    """Zones in this process, which are never lost."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        self.settings = settings
        self.zones: dict[int, Zone] = {}
        self.waiting: dict[int, Message] = {}

    def start(self, zone: int) -> None:
        """Make the zone."""
        self.zones[zone] = Zone(self.settings[zone])

    def send(self, zone: int, message: Message) -> None:
        """Keep the message until the answer is fetched."""
        self.waiting[zone] = message

    def receive(self, zone: int) -> Any:
        """Work out the answer."""
        return self.zones[zone].hear(self.waiting.pop(zone))


def minimise(
    program: Program,
    *,
    host: AbstractHost,
    zones: int,
    gap: float,
    deadline: float,
    progress: GapProgress = ignore_gap,
    account: TrafficReport = ignore_traffic,
) -> Iterate:
    """Iterate until every tree's relative gap is below ``gap``, or the deadline.

    Trees share nothing, so most are dealt out whole: each takes its own steps, and one without a
    schedule does no harm to the others. Only a tree much larger than an even share is cut.

    Args:
        program: What to solve; `interior_point.supports` it.
        host: Where.
        zones: Workers to use at most.
        gap: Relative gap to reach.
        deadline: In seconds of ``time.perf_counter``.
        progress: Called for trees that are cut, with the iteration reached and the gap there.
        account: Called with what passed, for each tree that was cut.
    """
    large, bags = _dealt(program, zones)
    try:
        if large:
            zones = host.reserve(zones)
            large, bags = _dealt(program, zones)  # fewer workers cut fewer trees
        found = [
            by_zones(
                piece.program,
                zone_cut.cut(piece.program, zones),
                host=host,
                gap=gap,
                deadline=deadline,
                progress=progress,
                account=account,
            )
            for piece in large
        ]
        host.close()  # the others need the CPUs that zones hold
        found += host.each([bag.program for bag in bags], gap, deadline)
    finally:
        host.close()
    return assembled(program, [*large, *bags], found)


def by_zones(
    program: Program,
    cut: Cut,
    *,
    host: AbstractHost,
    gap: float,
    deadline: float,
    progress: GapProgress = ignore_gap,
    account: TrafficReport = ignore_traffic,
) -> Iterate:
    """A tree whose zones are solved elsewhere; arguments as for `minimise`."""
    start = store_state.start(program)
    workers = host.workers([Setting(zone.program, start) for zone in cut.zones])
    zones = RemoteZones(cut.above, workers)
    run = Run(cut.top.program, gap, rows=cut.rows, begin=start, zones=zones)

    def read() -> Iterate:
        top = run.result()
        of_zones = zones.read(top.dual.power_price[cut.above])
        # The root of a zone stands for a node of the top, whose own rows come last.
        made = assembled(program, [*cut.zones, cut.top], [*of_zones, top])
        solved = np.full(program.nodes, bool(top.solved.all()))
        return replace(made, solved=solved, history=top.history)

    made = pursue(run, program, read, gap=gap, deadline=deadline, progress=progress)
    account(zones.traffic)
    return made


def assembled(program: Program, pieces: Sequence[Part], found: Sequence[Iterate]) -> Iterate:
    """The iterate of the whole from those of its parts; later ones win where they overlap."""
    power, value = np.zeros(program.slots), np.zeros(program.slots)
    price, limit_price = (np.zeros((program.nodes, program.steps)) for _ in range(2))
    budget_price, solved = np.zeros(program.nodes), np.zeros(program.nodes, bool)
    for piece, made in zip(pieces, found, strict=True):
        power[piece.slots], value[piece.slots] = made.power_kw, made.dual.energy_value
        price[piece.nodes], limit_price[piece.nodes] = made.dual.power_price, made.limit_price
        budget_price[piece.nodes] = made.dual.budget_price
        solved[piece.nodes] = made.solved
    iterations = max((made.iterations for made in found), default=0)
    dual = Dual(value, price, budget_price)
    return Iterate(power, dual, limit_price, solved, iterations, _longest(found))


def _longest(found: Sequence[Iterate]) -> Float[Array, "iteration 2"]:
    """The history of the part that took the most iterations."""
    return max((made.history for made in found), key=len, default=np.zeros((0, 2)))


def _dealt(program: Program, zones: int) -> tuple[list[Part], list[Part]]:
    """Trees to cut, and all others in bags of about as many slots each."""
    root = roots(program)
    trees = np.flatnonzero(program.parent < 0)
    slots = np.bincount(root[program.node], program.stop - program.first, program.nodes)[trees]
    is_large = slots > LARGE * max(program.slots, 1) / zones
    small = trees[~is_large]
    count = max(zones, -(-int(slots[~is_large].sum()) // BAG_SLOTS))
    bag_of = np.full(program.nodes, -1)
    bag_of[small] = balanced(slots[~is_large], count)
    bags = [np.flatnonzero(bag_of[root] == bag) for bag in range(count)]
    return (
        [part(program, np.flatnonzero(root == tree)) for tree in trees[is_large]],
        [part(program, nodes) for nodes in bags if len(nodes)],
    )
