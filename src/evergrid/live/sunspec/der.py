"""Batteries with the DER models: 701 measures, 702 rates, 704 takes set-points, 713 stores.

Power is positive into the grid in these models as it is in Evergrid, so no sign is flipped here.

Source:
    SunSpec DER Information Model Specification 1.2; IEEE 1547-2018, 10.6 for the functions. The
    reversion timer of a set-point starts anew when the set-point is written and enabled.
"""

from collections.abc import Sequence
from typing import final

from evergrid.core.units import W_PER_KW
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
    DER_CAPACITY,
    DER_CONTROL,
    DER_MEASUREMENT,
    DER_STORAGE,
    INVERTER_ALARMS,
)
from evergrid.live.sunspec.registers import Write

ENABLED, DISABLED = 1, 0  # of WSetEna and WSetEnaRvrt
IN_WATTS = 1  # of WSetMod
OFF, DISCONNECTED = 0, 0  # of St and ConnSt
INVERTER_FAULT = 6  # of InvSt
STORAGE_FAULT = 2  # of Sta
LOCAL = 1  # of LocRemCtl in model 802
BATTERY_FAULT = 99  # of State in model 802


@final
class Der(AbstractControl):
    """The DER models, with model 802 for what the cells say where the device has it."""

    models = (DER_MEASUREMENT, DER_CAPACITY, DER_CONTROL, DER_STORAGE, BATTERY)
    written = DER_CONTROL

    def nameplate(self, blocks: Blocks) -> Nameplate:
        """Ratings as they are set now, or as they were built."""
        common, capacity, stored = blocks[COMMON], blocks[DER_CAPACITY], blocks[DER_STORAGE]

        def rating(*names: str) -> float:
            return rated(first(capacity.scaled(name) for name in names), names[0])

        return Nameplate(
            common.text("Mn"),
            common.text("Md"),
            common.text("SN"),
            kilo(stored.scaled("WHRtg")) or None,
            rating("WChaRteMax", "WChaRteMaxRtg", "WMax", "WMaxRtg"),
            rating("WDisChaRteMax", "WDisChaRteMaxRtg", "WMax", "WMaxRtg"),
            *_soc_limits(blocks),
        )

    def state(self, blocks: Blocks) -> State:
        """From 701 and 713."""
        ac, stored, cells = blocks[DER_MEASUREMENT], blocks[DER_STORAGE], blocks.get(BATTERY)
        off = ac.whole("St") == OFF or ac.whole("ConnSt") == DISCONNECTED
        fault = ac.whole("InvSt") == INVERTER_FAULT or stored.whole("Sta") == STORAGE_FAULT
        alarms = named(ac.whole("Alrm"), INVERTER_ALARMS)
        if cells is not None:
            off = off or cells.whole("LocRemCtl") == LOCAL
            fault = fault or cells.whole("State") == BATTERY_FAULT
            alarms += named(cells.whole("Evt1"), BATTERY_ALARMS)
        return State(
            power_kw=measured(ac.scaled("W"), "W"),
            told=self.told(blocks),
            soc=share(stored.scaled("SoC")),
            reactive_kvar=kilo(ac.scaled("Var")),
            voltage_v=ac.scaled("LNV"),
            frequency_hz=ac.scaled("Hz"),
            drawn_kwh=kilo(ac.scaled("TotWhAbs")),
            fed_kwh=kilo(ac.scaled("TotWhInj")),
            available=not (off or fault),
            alarms=alarms,
        )

    def told(self, blocks: Blocks) -> StandingOrder:
        """From 704."""
        control = blocks[DER_CONTROL]
        under_orders = control.whole("WSetEna") == ENABLED and control.whole("WSetMod") == IN_WATTS
        power_w = control.scaled("WSet") if under_orders else None
        return StandingOrder(kilo(power_w), control.scaled("WSetRvrtTms") or 0.0)

    def order(self, blocks: Blocks, power_kw: float, reversion_s: int) -> Sequence[Write]:
        """The set-point, then when it ends, then that it holds.

        When it ends nothing is set any more, as before the first order.
        """
        control = blocks[DER_CONTROL]
        power_w = power_kw * W_PER_KW
        values = (("WSetMod", IN_WATTS), ("WSet", power_w), ("WSetRvrt", 0.0))
        ends = (("WSetEnaRvrt", DISABLED), ("WSetRvrtTms", reversion_s))
        return (
            control.write("WSetMod", *values),
            control.write("WSetEnaRvrt", *ends),
            control.write("WSetEna", ("WSetEna", ENABLED)),
        )

    def release(self, blocks: Blocks) -> Sequence[Write]:
        """No set-point."""
        return (blocks[DER_CONTROL].write("WSetEna", ("WSetEna", DISABLED)),)


def _soc_limits(blocks: Blocks) -> tuple[float, float]:
    """Least and most state of charge, where model 802 tells them."""
    cells = blocks.get(BATTERY)
    if cells is None:
        return 0.0, 1.0
    least, most = share(cells.scaled("SoCMin")), share(cells.scaled("SoCMax"))
    return 0.0 if least is None else least, 1.0 if most is None else most
