"""How a store answers prices of net power and of awards, without a solve: see `slot_kernels`."""

from typing import no_type_check

from evergrid.core.kernels import kernel
from evergrid.engine.compiled import OPTIONS

TILE = 16  # columns that are mirrored at a time
DIED_OUT = 1e-120  # entries of an answer below this are dropped before they become denormal


@kernel(**OPTIONS)
@no_type_check
def add_answer(length, first, passed, given, from_begin, from_pull, local, row, answer):
    """Add one store's answer where the second step is no earlier than the first.

    ``given`` becomes the answer of energy before each slot to its own price.
    """
    outs, steps = local.shape[1], len(passed)
    before = 0.0
    for k in range(length):
        here = given[k]
        given[k] = before
        before = passed[k] * passed[k] * before + here
    alive = length - 1
    for k in range(length - 1, -1, -1):
        if k + 1 < length:
            shrink = passed[k + 1]
            largest = 0.0
            for q in range(outs):
                for j in range(k + 2, alive + 1):
                    row[q, j] *= shrink
                row[q, k + 1] = from_begin[k + 1, q]
                largest = max(largest, abs(row[q, alive]))
            if largest < DIED_OUT and alive > k + 1:
                alive -= 1
            alive = max(alive, k + 1)
        for q in range(outs):
            weight = from_pull[k, q] + passed[k] * given[k] * from_begin[k, q]
            line = q * steps + first + k
            for p in range(outs):
                at = p * steps + first
                own = local[k, q, p] + given[k] * from_begin[k, q] * from_begin[k, p]
                answer[line, at + k] += own
                for j in range(k + 1, alive + 1):
                    answer[line, at + j] += weight * row[p, j]


@kernel(**OPTIONS)
@no_type_check
def mirror(outs, answer):
    """Fill in where the second step is earlier."""
    steps = len(answer) // outs
    for q in range(outs):
        for p in range(outs):
            for above in range(0, steps, TILE):  # tiles stay in the nearest memory
                for left in range(0, above + 1, TILE):
                    for i in range(above, min(above + TILE, steps)):
                        for j in range(left, min(left + TILE, i)):
                            other = answer[p * steps + j, q * steps + i]
                            answer[q * steps + i, p * steps + j] = other
