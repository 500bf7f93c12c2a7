"""Which models does a device have, and where? The marker, then model after model.

Source:
    SunSpec Device Information Model Specification 1.1, section 3: a device map begins with the
    characters ``SunS`` at register 40000, 50000 or 0, then each model tells its number and length,
    and model 0xFFFF ends it.
"""

from collections.abc import Mapping

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.sunspec.link import Link, RefusedWriteError
from evergrid.live.sunspec.models import COMMON, POINTS
from evergrid.live.sunspec.registers import Block, needed

MARKER = (0x5375, 0x6E53)  # SunS
BEGINS = (40_000, 50_000, 0)
END = 0xFFFF
MOST_MODELS = 128  # of one device
HEAD = 2  # registers of a model's number and length


async def find(link: Link) -> Mapping[int, tuple[int, int]]:
    """Address and registers of each model; of two of the same number the first counts.

    Raises:
        LinkError: The line fails.
        InputError: There is no marker, no common model, or the chain does not end.
    """
    at = await _begin(link) + len(MARKER)
    found: dict[int, tuple[int, int]] = {}
    for _ in range(MOST_MODELS):
        model, length = await _head(link, at)
        if model == END:
            break
        found.setdefault(model, (at, HEAD + length))
        at += HEAD + length
    else:
        raise _fault(f"end within {MOST_MODELS} models", at)
    if COMMON not in found:
        raise _fault("begin with the common model", at)
    return found


async def read(link: Link, chain: Mapping[int, tuple[int, int]], model: int) -> Block:
    """A model's registers, as far as its known points need them.

    Raises:
        LinkError: The line fails.
        RefusedWriteError: The device does not let them be read.
    """
    address, registers = chain[model]
    points = POINTS[model]
    return Block(model, address, points, await link.read(address, min(needed(points), registers)))


async def _begin(link: Link) -> int:
    for address in BEGINS:
        try:
            if await link.read(address, len(MARKER)) == MARKER:
                return address
        except RefusedWriteError:  # no registers there, so the map is elsewhere
            continue
    raise _fault("have the marker SunS at 40000, 50000 or 0", 0)


async def _head(link: Link, address: int) -> tuple[int, int]:
    try:
        model, length = await link.read(address, HEAD)
    except RefusedWriteError as error:
        raise _fault("tell a model wherever the one before ends", address) from error
    return model, length


def _fault(rule: str, address: int) -> InputError:
    fix = "Check the address, the unit, and that SunSpec is switched on in the device."
    return InputError("sunspec", [Fault("models", rule, (address,), fix=fix)])
