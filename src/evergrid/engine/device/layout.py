"""Where each store and node of a program goes: which device, which block, which row.

Arrays are NumPy's and have one more axis in front, over devices. Sizes are rounded up to a few
steps per power of two, so that programs of like size share compiled code.
"""

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.engine.device.levels import Levels
from evergrid.engine.interior_point import barrier
from evergrid.engine.interior_point.barrier import Rows
from evergrid.engine.interior_point.store_state import reachable
from evergrid.engine.parts import roots
from evergrid.engine.program import Program

HEAVY = 4  # a subtree with more than one part in so many of a device's share is divided up
LANES = (4, 8, 12, 16, 24, 32, 48, 64, 128, 256)  # stores that a block may have
BLOCK_COST = 8  # what a block costs beside its stores, in stores
FINENESS = 8  # sizes per power of two
EXACT = 1e-13  # relative error at which prices count as a sum of step and store


@dataclass(frozen=True)
class Layout:
    """A program laid out over devices.

    Attributes:
        levels: Rows of each level.
        stores: Arrays of `Stores` by name, ``device ...``.
        tree: Arrays of `Tree` by name, ``device ...``; those of each part of ``held`` as well.
        slot_at: Place of each slot among ``device step block store``.
        row_at: Place of each node among ``device row``.
        rows: The rows of nodes.
    """

    levels: Levels
    stores: dict[str, Array]
    tree: dict[str, Array]
    slot_at: Int[Array, " slot"]
    row_at: Int[Array, " node"]
    rows: "NodeRows"

    def of_slots(self, values: Float[Array, " slot"]) -> Float[Array, "device step block store"]:
        """Values of slots in their places; 0 elsewhere."""
        places = np.zeros(self.stores["share"].shape)
        places.ravel()[self.slot_at] = values
        return places


@dataclass(frozen=True)
class NodeRows:
    """Which of so many devices has each node (-1: all have it), and in which row."""

    levels: Levels
    devices: int
    device: Int[Array, " node"]
    row: Int[Array, " node"]

    def inside(self, device: int) -> Bool[Array, " node"]:
        """Which nodes a device has."""
        return (self.device < 0) | (self.device == device)

    def spread(
        self, values: Shaped[Array, "node ..."], empty: float | int = 0
    ) -> Shaped[Array, "device row ..."]:
        """Values of nodes in their rows, on all devices that have them."""
        array = np.full((self.devices, self.levels.rows, *values.shape[1:]), empty, values.dtype)
        for device in range(self.devices):
            here = self.inside(device)
            array[device, self.row[here]] = values[here]
        return array


@dataclass(frozen=True)
class _Places:
    """Device, block and lane of each store, and the row of each block."""

    device: Int[Array, " store"]
    block: Int[Array, " store"]
    lane: Int[Array, " store"]
    row: Int[Array, "device block"]
    lanes: int


def lay_out(program: Program, devices: int) -> Layout:
    """The program over so many devices."""
    rows = _rows(program, devices)
    places = _places(program, rows, devices)
    blocks = places.row.shape[1]
    store = program.store
    at = (places.device[store], program.step, places.block[store], places.lane[store])
    shape = (devices, program.steps, blocks, places.lanes)
    return Layout(
        levels=rows.levels,
        stores=_stores(program, places, at, shape),
        tree=_tree(program, rows, places, devices),
        slot_at=np.ravel_multi_index(at, shape),
        row_at=np.maximum(rows.device, 0) * rows.levels.rows + rows.row,
        rows=rows,
    )


def rounded(size: int) -> int:
    """The size rounded up to one of a few sizes per power of two."""
    store = max(1, 2 ** (max(size, 1).bit_length() - 1) // FINENESS)
    return -(-size // store) * store


def _rows(program: Program, devices: int) -> NodeRows:
    """Rows of all nodes: those above heavy subtrees shared, every other subtree on one device."""
    weight = _below(program)
    total = weight[program.parent < 0].sum()
    shared = np.zeros(program.nodes, bool)
    if devices > 1:
        shared = weight * HEAVY * devices > total
    inside = (program.parent >= 0) & ~shared[program.parent]
    top = np.where(inside, program.parent, -1)  # the forest that is left below shared nodes
    subtree = tree.roots(top)
    device = np.where(shared, -1, _dealt(weight, subtree, shared, devices)[subtree])
    level = np.where(shared, tree.depth(program.parent), tree.depth(top))
    row = np.zeros(program.nodes, np.int64)
    sizes: list[list[int]] = [[], []]
    begin = 0
    for kind, members in enumerate((shared, ~shared)):
        for d in range(int(level[members].max(initial=-1)) + 1):
            here = np.flatnonzero(members & (level == d))
            at, counts = _numbered(device[here] + 1, devices + 1)
            row[here] = begin + at
            sizes[kind].append(rounded(int(counts.max())))
            begin += sizes[kind][-1]
    levels = Levels(tuple(sizes[0]), tuple(sizes[1]))
    return NodeRows(levels, devices, device, row)


def _below(program: Program) -> Float[Array, " node"]:
    """How many slots there are in each node and below it."""
    lengths = (program.stop - program.first).astype(float)
    total = np.bincount(program.node, lengths, program.nodes)
    return tree.add_up(total[:, None], program.parent)[:, 0]


def _dealt(
    weight: Float[Array, " node"],
    subtree: Int[Array, " node"],
    shared: Array,
    devices: int,
) -> Int[Array, " node"]:
    """A device for each subtree, the heaviest first to the one with the least to do."""
    device = np.zeros(len(weight), np.int64)
    if devices == 1:
        return device
    tops = np.flatnonzero((subtree == np.arange(len(weight))) & ~shared)
    loads = [(0.0, d) for d in range(devices)]
    for top in tops[np.argsort(-weight[tops], kind="stable")]:
        load_kw, least = loads[0]
        device[top] = least
        heapq.heapreplace(loads, (load_kw + float(weight[top]) + 1.0, least))
    return device


def _numbered(
    kind: Int[Array, " item"], kinds: int
) -> tuple[Int[Array, " item"], Int[Array, " kind"]]:
    """Number of each item within its kind, in order, and how many each kind has."""
    order = np.argsort(kind, kind="stable")
    counts = np.bincount(kind, minlength=kinds)
    number = np.empty(len(kind), np.int64)
    number[order] = np.arange(len(kind)) - np.repeat(np.cumsum(counts) - counts, counts)
    return number, counts


def _places(program: Program, rows: NodeRows, devices: int) -> _Places:
    """Stores of one row side by side in blocks; stores of shared nodes are dealt out."""
    node = program.node
    turn, _ = _numbered(node, program.nodes)
    device = np.where(rows.device[node] < 0, turn % devices, rows.device[node])
    home = device * rows.levels.rows + rows.row[node]
    number, counts = _numbered(home, devices * rows.levels.rows)
    lanes = _lanes(counts)
    blocks = (-(-counts // lanes)).reshape(devices, -1)
    first = (np.cumsum(blocks, axis=1) - blocks).ravel()
    most = rounded(int(blocks.sum(axis=1).max()))
    row = np.full((devices, most), rows.levels.rows, np.int32)
    for d in range(devices):
        here = np.repeat(np.arange(rows.levels.rows), blocks[d])
        row[d, : len(here)] = here
    return _Places(device, first[home] + number // lanes, number % lanes, row, lanes)


def _lanes(counts: Int[Array, " home"]) -> int:
    """How many stores a block should have, for the least padding and the fewest blocks."""
    costs = [(-(-counts // lanes)).sum() * (lanes + BLOCK_COST) for lanes in LANES]
    return LANES[int(np.argmin(costs))]


def _stores(
    program: Program, places: _Places, at: tuple[Array, ...], shape: tuple[int, ...]
) -> dict[str, Array]:
    # Lanes without a store are given a harmless one, of no power and no steps, so that no loop on
    # the device has to ask; a gain, drain or capacity of 0 would divide by it.
    p = program
    each = (shape[0], shape[2], shape[3])
    home = (places.device, places.block, places.lane)

    def spread(values: Array, empty: float | int = 0) -> Array:
        array = np.full(each, empty, np.int32 if values.dtype.kind == "i" else float)
        array[home] = values
        return array

    share = np.zeros(shape)
    share[at] = p.share
    draw, draw_extra = _price(p, p.draw_price_per_kwh, at, shape)
    feed, feed_extra = _price(p, p.feed_price_per_kwh, at, shape)
    rising = {}
    if p.curves is not None:
        for name, curve in zip(
            ("draw_curve_per_kwh_kw", "feed_curve_per_kwh_kw"), p.curves, strict=True
        ):
            rising[name] = np.zeros(shape)
            rising[name][at] = curve
    return {
        "first": spread(p.first),
        "stop": spread(p.stop),
        "share": share,
        "charge_kw": spread(p.charge_kw),
        "discharge_kw": spread(p.discharge_kw),
        "gain": spread(p.step_h * p.efficiency_charge, 1.0),
        "drain": spread(p.step_h / p.efficiency_discharge, 1.0),
        "start": spread(p.energy_start_kwh),
        "low": spread(p.energy_low_kwh),
        "high": spread(p.energy_high_kwh, 1.0),
        "owed": spread(reachable(p, p.energy_end_kwh)),
        "end_value_per_kwh": spread(p.end_value_per_kwh),
        "draw_price_per_kwh": draw,
        "feed_price_per_kwh": feed,
        "draw_extra": spread(draw_extra),
        "feed_extra": spread(feed_extra),
        **rising,
    }


def _price(
    program: Program, price: Float[Array, " slot"], at: tuple[Array, ...], shape: tuple[int, ...]
) -> tuple[Array, Float[Array, " store"]]:
    """Prices as a sum over step and store where they are one, which spares an array of slots."""
    rises = np.zeros(program.steps)
    same = program.store[1:] == program.store[:-1]
    rises[program.step[1:][same]] = np.diff(price)[same]  # any store there tells the same rise
    by_step = np.cumsum(rises)
    extra = price[program.begin] - by_step[program.first]
    off = np.abs(by_step[program.step] + extra[program.store] - price)
    if off.max(initial=0.0) <= EXACT * np.abs(price).max(initial=0.0):
        return np.tile(by_step[:, None, None], (shape[0], 1, 1, 1)), extra
    full = np.zeros(shape)
    full[at] = price
    return full, np.zeros(program.stores)


def _tree(program: Program, rows: NodeRows, places: _Places, devices: int) -> dict[str, Any]:
    p, size = program, rows.levels.rows
    root = roots(p)
    held = barrier.rows(p)
    slots = np.bincount(root[p.node], 5 * (p.stop - p.first), p.nodes)
    own = sum(part.products for part in held.parts)
    products = slots + np.bincount(root, own, p.nodes)
    above = np.where(p.parent >= 0, rows.row[p.parent], size).astype(np.int32)
    top = np.tile(np.arange(size, dtype=np.int32), (devices, 1))
    for d in range(devices):
        here = rows.inside(d)
        top[d, rows.row[here]] = rows.row[root[here]]
    return {
        "parent": rows.spread(above, size),
        "root": top,
        "block": places.row,
        "held": tuple(_held(part, rows) for part in held.parts),
        "high": rows.spread(np.where(held.held[1], p.net_high_kw, 0.0)),
        "products": rows.spread(products),
        "used": rows.spread((slots > 0) & (p.parent < 0)),
    }


def _held(held: Rows, rows: NodeRows) -> dict[str, Array]:
    """The rows of a barrier with nodes in their places, by name."""

    def placed(kinds: Array) -> Array:
        return np.moveaxis(rows.spread(np.moveaxis(kinds, 0, 1)), 2, 1)

    def of_peaks(values: Float[Array, " peak"]) -> Array:
        """One kind where there are any peaks, else none; 0 for nodes without."""
        kinds = np.zeros((min(len(values), 1), held.level.shape[1], 1))
        kinds[:, held.peaked, 0] = values
        return placed(kinds)

    return {
        "sign": np.tile(held.sign[:, None, None], (rows.devices, 1, 1, 1)),
        "level": placed(held.level),
        "held": placed(held.held),
        "price": placed(held.price[held.soft]),
        "peak_price_per_kw": of_peaks(held.peak_price_per_kw),
        "peak_before_kw": of_peaks(held.peak_before_kw),
    }
