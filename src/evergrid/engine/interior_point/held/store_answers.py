"""How a store answers prices of net power and of awards, without a solve: see `slot_kernels`."""

from typing import no_type_check

import numpy as np

from evergrid.core.computing.kernels import kernel
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
    # Between two slots the answer is a number of the earlier, one of the later, and the product of
    # ``passed`` between them: ``row`` holds the later ones with that product, going back in time,
    # and ends where it has died out.
    weight = np.zeros(outs)
    alive = length - 1
    for k in range(length - 1, -1, -1):
        for q in range(outs):
            weight[q] = from_pull[k, q] + passed[k] * given[k] * from_begin[k, q]
            for p in range(outs):
                own = local[k, q, p] + given[k] * from_begin[k, q] * from_begin[k, p]
                answer[q * steps + first + k, p * steps + first + k] += own
        if k + 1 == length:
            continue
        shrink, largest, last = passed[k + 1], 0.0, max(alive, k + 1)
        for p in range(outs):
            line = row[p]
            line[k + 1] = from_begin[k + 1, p]
            for j in range(k + 2, last + 1):
                line[j] *= shrink
            largest = max(largest, abs(line[last]))
        if largest < DIED_OUT and last > k + 1:
            last -= 1
        alive = last
        # each row is read once for two lines of the answer
        for p in range(outs):
            line, at = row[p], p * steps + first
            for q in range(0, outs - 1, 2):
                one, other = answer[q * steps + first + k], answer[(q + 1) * steps + first + k]
                by, by_other = weight[q], weight[q + 1]
                for j in range(k + 1, last + 1):
                    one[at + j] += by * line[j]
                    other[at + j] += by_other * line[j]
            if outs % 2 == 1:
                one, by = answer[(outs - 1) * steps + first + k], weight[outs - 1]
                for j in range(k + 1, last + 1):
                    one[at + j] += by * line[j]


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
