"""Batteries with the older models: an inverter (101 to 103) with storage (124).

Model 124 takes no set-point but a window: at most so much percent of the greatest discharge, and at
most so much of the greatest charge. A power is ordered by a window of no width, whose one side
is below 0. Power is positive into the grid in model 103.

Source:
    SunSpec Information Model Reference, models 103, 120, 124, 802.
"""

import math
from collections.abc import Sequence
from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.sunspec.control import (
    AbstractControl,
    Blocks,
    Nameplate,
    StandingOrder,
    State,
    first,
    kilo,
    measured,
    named,
    rated,
    share,
)
from evergrid.live.sunspec.models import (
    BATTERY,
    BATTERY_ALARMS,
    COMMON,
    INVERTER_ALARMS,
    INVERTERS,
    NAMEPLATE,
    STORAGE,
)
from evergrid.live.sunspec.registers import Block, Write

BOTH_WAYS = 0b11  # of StorCtl_Mod: charging (bit 0) and discharging (bit 1) are controlled
NOT_CONTROLLED = 0
FROM_THE_GRID = 1  # of ChaGriSet
OFF, INVERTER_FAULT = (1, 2), 7  # of St: off or sleeping; fault
STORAGE_OFF, TESTING = 1, 7  # of ChaSt
LOCAL = 1  # of LocRemCtl in model 802
BATTERY_FAULT = 99  # of State in model 802
PERCENT = 100.0
LONGEST_REVERSION_S = 65_534  # that its register holds


@final
class Storage(AbstractControl):
    """Models 103 and 124, with 120 and 802 where the device has them."""

    models = (*INVERTERS, NAMEPLATE, STORAGE, BATTERY)
    written = STORAGE

    def nameplate(self, blocks: Blocks) -> Nameplate:
        """Ratings: 124 says the greatest charge, 120 or 802 the greatest discharge."""
        common, plate, cells = blocks[COMMON], blocks.get(NAMEPLATE), blocks.get(BATTERY)
        charge_w = blocks[STORAGE].scaled("WChaMax")
        capacity_wh = first(
            block.scaled("WHRtg") or None for block in (cells, plate) if block is not None
        )
        least = share(blocks[STORAGE].scaled("MinRsvPct"))
        most = None if cells is None else share(cells.scaled("SoCMax"))
        return Nameplate(
            common.text("Mn"),
            common.text("Md"),
            common.text("SN"),
            kilo(capacity_wh),
            rated(charge_w, "WChaMax"),
            rated(self._discharge_w(blocks), "MaxDisChaRte"),
            0.0 if least is None else least,
            1.0 if most is None else most,
        )

    def state(self, blocks: Blocks) -> State:
        """From the inverter, 124 and 802. These models have no register of energy drawn."""
        inverter, storage, cells = _inverter(blocks), blocks[STORAGE], blocks.get(BATTERY)
        running = inverter.whole("St") not in (*OFF, INVERTER_FAULT)
        running = running and storage.whole("ChaSt") not in (STORAGE_OFF, TESTING)
        soc = share(storage.scaled("ChaState"))
        alarms = named(inverter.whole("Evt1"), INVERTER_ALARMS)
        if cells is not None:
            running = running and cells.whole("LocRemCtl") != LOCAL
            running = running and cells.whole("State") != BATTERY_FAULT
            soc = first((soc, share(cells.scaled("SoC"))))
            alarms += named(cells.whole("Evt1"), BATTERY_ALARMS)
        volts = [inverter.scaled(f"PhVph{phase}") for phase in "ABC"]
        told_volts = [one for one in volts if one is not None]
        return State(
            power_kw=measured(inverter.scaled("W"), "W"),
            told=self.told(blocks),
            soc=soc,
            reactive_kvar=kilo(inverter.scaled("VAr")),
            voltage_v=sum(told_volts) / len(told_volts) if told_volts else None,
            frequency_hz=inverter.scaled("Hz"),
            available=running,
            alarms=alarms,
        )

    def told(self, blocks: Blocks) -> StandingOrder:
        """A window of no width is an order; any other is not one of ours."""
        storage, plate = blocks[STORAGE], self.nameplate(blocks)
        out, into = storage.scaled("OutWRte"), storage.scaled("InWRte")
        reversion_s = storage.scaled("InOutWRte_RvrtTms") or 0.0
        step = storage.step("OutWRte") or 1.0
        step_kw = step / PERCENT * plate.rating_kw
        if storage.whole("StorCtl_Mod") != BOTH_WAYS or out is None or into is None:
            return StandingOrder(None, reversion_s)
        feeds_kw, draws_kw = (
            out / PERCENT * plate.discharge_kw,
            into / PERCENT * plate.charge_kw,
        )
        if not math.isclose(feeds_kw, -draws_kw, abs_tol=2 * step_kw):
            return StandingOrder(None, reversion_s)
        return StandingOrder(feeds_kw if feeds_kw > 0 else -draws_kw, reversion_s)

    def order(self, blocks: Blocks, power_kw: float, reversion_s: int) -> Sequence[Write]:
        """When it ends, then the window, then that it holds.

        Raises:
            InputError: It would charge from the grid and may not, or it cannot be written.
        """
        storage, plate = blocks[STORAGE], self.nameplate(blocks)
        source = storage.whole("ChaGriSet")
        if power_kw < 0 and source not in (None, FROM_THE_GRID):
            fix = "Allow charging from the grid (ChaGriSet) in the battery's own settings."
            rule = "be 0 or more: the battery may not charge from the grid"
            raise InputError("sunspec", [Fault("power_kw", rule, (power_kw,), fix=fix)])
        ends_s = min(reversion_s, LONGEST_REVERSION_S)
        window = (
            ("OutWRte", PERCENT * power_kw / plate.discharge_kw),
            ("InWRte", -PERCENT * power_kw / plate.charge_kw),
        )
        return (
            storage.write("InOutWRte_RvrtTms", ("InOutWRte_RvrtTms", ends_s)),
            storage.write("OutWRte", *window),
            storage.write("StorCtl_Mod", ("StorCtl_Mod", BOTH_WAYS)),
        )

    def release(self, blocks: Blocks) -> Sequence[Write]:
        """Neither charging nor discharging is controlled."""
        return (blocks[STORAGE].write("StorCtl_Mod", ("StorCtl_Mod", NOT_CONTROLLED)),)

    @staticmethod
    def _discharge_w(blocks: Blocks) -> float | None:
        plate, cells = blocks.get(NAMEPLATE), blocks.get(BATTERY)
        told = [plate.scaled("MaxDisChaRte") if plate is not None else None]
        told.append(cells.scaled("WDisChaRteMax") if cells is not None else None)
        told.append(blocks[STORAGE].scaled("WChaMax"))
        return first(told)


def _inverter(blocks: Blocks) -> Block:
    return next(blocks[model] for model in INVERTERS if model in blocks)
