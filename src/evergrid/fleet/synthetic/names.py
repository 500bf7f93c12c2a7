"""What generated vehicles and sessions are called: home-00042, and home-00042/3 for its third."""

import numpy as np

from evergrid.core.arrays import Array, Int, Shaped


def of(
    label: str, vehicle: Int[Array, " session"], vehicles: int
) -> tuple[Shaped[Array, " session"], Shaped[Array, " session"]]:
    """Asset and session names of rows that are ordered by vehicle.

    Object arrays, like every other name in the model: the rows of one vehicle share one text.
    """
    digits = len(str(vehicles))
    assets = _numbered(f"{label}-", np.arange(1, vehicles + 1), digits)
    first = np.searchsorted(vehicle, vehicle, side="left")
    turn = np.arange(len(vehicle)) - first + 1
    suffixes = _numbered("/", turn, len(str(turn.max(initial=1))))
    asset_id = assets.astype(object)[vehicle]
    return asset_id, np.strings.add(assets[vehicle], suffixes).astype(object)


def _numbered(prefix: str, numbers: Int[Array, " row"], digits: int) -> Shaped[Array, " row"]:
    """The prefix and each number with leading zeros, as text, all digits of a place at once."""
    text = np.empty((len(numbers), len(prefix) + digits), np.uint32)
    text[:, : len(prefix)] = [ord(letter) for letter in prefix]
    for place in range(digits):
        text[:, -1 - place] = ord("0") + numbers // 10**place % 10
    return text.view(f"U{text.shape[1]}")[:, 0]
