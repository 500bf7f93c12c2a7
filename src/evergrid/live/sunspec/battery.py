"""One battery on its line: found, read, told its power, and read back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.sunspec import chain
from evergrid.live.sunspec.control import (
    AbstractControl,
    Nameplate,
    StandingOrder,
    State,
    faults_of,
)
from evergrid.live.sunspec.der import Der
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.live.sunspec.link import Link
from evergrid.live.sunspec.models import (
    COMMON,
    DER_CAPACITY,
    DER_CONTROL,
    DER_MEASUREMENT,
    DER_STORAGE,
    INVERTERS,
    POINTS,
    STORAGE,
)
from evergrid.live.sunspec.registers import Block, Point, Write
from evergrid.live.sunspec.storage import Storage

DER_MODELS = {DER_MEASUREMENT, DER_CAPACITY, DER_CONTROL, DER_STORAGE}


@final
class Battery:
    """A battery that is connected.

    Args:
        entry: As it is registered.
        folder: What relative paths start from.

    Raises:
        InputError: A file of a certificate cannot be read.
    """

    def __init__(self, entry: ModbusBatteryEntry, folder: Path = Path()) -> None:
        self._entry = entry
        self._link = Link(entry, folder)
        self._chain: Mapping[int, tuple[int, int]] = {}
        self._blocks: dict[int, Block] = {}
        self._control: AbstractControl = Der()

    async def open(self) -> Nameplate:
        """Connect, find its models, and read what it is.

        Raises:
            LinkError: The line fails.
            RefusedWriteError: It does not let a model be read that it has.
            InputError: It is no battery that can be controlled, or its ratings cannot be.
        """
        await self._link.open()
        self._chain = await chain.find(self._link)
        self._control = self._family()
        self._blocks = {COMMON: await chain.read(self._link, self._chain, COMMON)}
        await self._read(self._control.models)
        return self._control.nameplate(self._blocks)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    async def state(self, plate: Nameplate) -> State:
        """What it does now.

        Args:
            plate: What it is, by which its state is judged.

        Raises:
            LinkError: The line fails.
            RefusedWriteError: It does not let a model be read.
            InputError: What it says cannot be.
        """
        await self._read(self._control.models)
        state = self._control.state(self._blocks)
        faults = faults_of(state, plate)
        if faults:
            raise InputError(self._entry.station, faults)
        return state

    async def order(self, power_kw: float, reversion_s: int) -> StandingOrder:
        """Tell it a power into the grid, and read back what it took.

        Raises:
            LinkError: The line fails; whether it was told is not known.
            RefusedWriteError: It will not.
            InputError: The power cannot be written.
        """
        writes = self._control.order(self._blocks, power_kw, reversion_s)
        return await self._written(writes)

    async def release(self) -> StandingOrder:
        """Give it back to its own control, and read back.

        Raises:
            LinkError: The line fails.
            RefusedWriteError: It will not.
        """
        return await self._written(self._control.release(self._blocks))

    async def shown(self, model: int) -> dict[str, float | str | None]:
        """The known points of a model in their units, for an operator.

        Raises:
            LinkError: The line fails.
            RefusedWriteError: It does not let the model be read.
            InputError: It has no such model, or it is not known.
        """
        if model not in self._chain or model not in POINTS:
            known = ", ".join(str(one) for one in sorted(set(self._chain) & set(POINTS)))
            fix = f"Ask for one of {known}."
            raise InputError("sunspec", [Fault("model", "be known", (model,), fix=fix)])
        block = await chain.read(self._link, self._chain, model)
        return {
            name: block.scaled(name) if isinstance(point, Point) else block.text(name)
            for name, point in block.points.items()
        }

    def _family(self) -> AbstractControl:
        """The family of models that it has."""
        models = set(self._chain)
        if models >= DER_MODELS:
            return Der()
        if STORAGE in models and models & set(INVERTERS):
            return Storage()
        rule = "have models 701, 702, 704 and 713, or 124 with one of 101 to 103"
        fault = Fault("models", rule, tuple(sorted(models)), (self._entry.station,))
        raise InputError("sunspec", [fault])

    async def _read(self, models: Sequence[int]) -> None:
        for model in models:
            if model in self._chain:
                self._blocks[model] = await chain.read(self._link, self._chain, model)

    async def _written(self, writes: Sequence[Write]) -> StandingOrder:
        for write in writes:
            await self._link.write(write)
        await self._read((self._control.written,))
        return self._control.told(self._blocks)
