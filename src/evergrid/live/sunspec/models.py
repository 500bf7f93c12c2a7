"""Where the points stand that Evergrid reads and writes, model by model.

Only facts are here: numbers of models, offsets from the model's identity, kinds and scale factors.

Source:
    SunSpec Alliance, SunSpec Information Model Reference: models 1, 101 to 103 (inverters), 120
    (nameplate), 124 (storage), 802 (battery base); SunSpec DER Information Model Specification 1.2:
    models 701, 702, 704 and 713. Read in github.com/sunspec/models, 22 April 2026.
"""

from collections.abc import Mapping

from evergrid.live.sunspec.registers import (
    BITS16,
    BITS32,
    ENUM16,
    EXPONENT,
    INT16,
    INT32,
    UINT16,
    UINT32,
    UINT64,
    Point,
    Text,
)

COMMON = 1
INVERTERS = (101, 102, 103)  # one layout for one, two and three phases
NAMEPLATE = 120
STORAGE = 124
DER_MEASUREMENT = 701
DER_CAPACITY = 702
DER_CONTROL = 704
DER_STORAGE = 713
BATTERY = 802

_COMMON: Mapping[str, Point | Text] = {
    "Mn": Text(2, 16),
    "Md": Text(18, 16),
    "SN": Text(50, 16),
}

_INVERTER: Mapping[str, Point | Text] = {
    "PhVphA": Point(10, UINT16, "V_SF"),
    "PhVphB": Point(11, UINT16, "V_SF"),
    "PhVphC": Point(12, UINT16, "V_SF"),
    "V_SF": Point(13, EXPONENT),
    "W": Point(14, INT16, "W_SF"),
    "W_SF": Point(15, EXPONENT),
    "Hz": Point(16, UINT16, "Hz_SF"),
    "Hz_SF": Point(17, EXPONENT),
    "VAr": Point(20, INT16, "VAr_SF"),
    "VAr_SF": Point(21, EXPONENT),
    "St": Point(38, ENUM16),
    "Evt1": Point(40, BITS32),
}

_NAMEPLATE: Mapping[str, Point | Text] = {
    "WRtg": Point(3, UINT16, "WRtg_SF"),
    "WRtg_SF": Point(4, EXPONENT),
    "WHRtg": Point(19, UINT16, "WHRtg_SF"),
    "WHRtg_SF": Point(20, EXPONENT),
    "MaxChaRte": Point(23, UINT16, "MaxChaRte_SF"),
    "MaxChaRte_SF": Point(24, EXPONENT),
    "MaxDisChaRte": Point(25, UINT16, "MaxDisChaRte_SF"),
    "MaxDisChaRte_SF": Point(26, EXPONENT),
}

_STORAGE: Mapping[str, Point | Text] = {
    "WChaMax": Point(2, UINT16, "WChaMax_SF"),
    "StorCtl_Mod": Point(5, BITS16),
    "MinRsvPct": Point(7, UINT16, "MinRsvPct_SF"),
    "ChaState": Point(8, UINT16, "ChaState_SF"),
    "ChaSt": Point(11, ENUM16),
    "OutWRte": Point(12, INT16, "InOutWRte_SF"),
    "InWRte": Point(13, INT16, "InOutWRte_SF"),
    "InOutWRte_RvrtTms": Point(15, UINT16),
    "ChaGriSet": Point(17, ENUM16),
    "WChaMax_SF": Point(18, EXPONENT),
    "MinRsvPct_SF": Point(21, EXPONENT),
    "ChaState_SF": Point(22, EXPONENT),
    "InOutWRte_SF": Point(25, EXPONENT),
}

_DER_MEASUREMENT: Mapping[str, Point | Text] = {
    "St": Point(3, ENUM16),
    "InvSt": Point(4, ENUM16),
    "ConnSt": Point(5, ENUM16),
    "Alrm": Point(6, BITS32),
    "W": Point(10, INT16, "W_SF"),
    "Var": Point(12, INT16, "Var_SF"),
    "LNV": Point(16, UINT16, "V_SF"),
    "Hz": Point(17, UINT32, "Hz_SF"),
    "TotWhInj": Point(19, UINT64, "TotWh_SF"),
    "TotWhAbs": Point(23, UINT64, "TotWh_SF"),
    "V_SF": Point(114, EXPONENT),
    "Hz_SF": Point(115, EXPONENT),
    "W_SF": Point(116, EXPONENT),
    "Var_SF": Point(119, EXPONENT),
    "TotWh_SF": Point(120, EXPONENT),
}

_DER_CAPACITY: Mapping[str, Point | Text] = {
    "WMaxRtg": Point(2, UINT16, "W_SF"),
    "WChaRteMaxRtg": Point(10, UINT16, "W_SF"),
    "WDisChaRteMaxRtg": Point(11, UINT16, "W_SF"),
    "WMax": Point(26, UINT16, "W_SF"),
    "WChaRteMax": Point(34, UINT16, "W_SF"),
    "WDisChaRteMax": Point(35, UINT16, "W_SF"),
    "W_SF": Point(45, EXPONENT),
}

_DER_CONTROL: Mapping[str, Point | Text] = {
    "WSetEna": Point(22, ENUM16),
    "WSetMod": Point(23, ENUM16),
    "WSet": Point(24, INT32, "WSet_SF"),
    "WSetRvrt": Point(26, INT32, "WSet_SF"),
    "WSetEnaRvrt": Point(30, ENUM16),
    "WSetRvrtTms": Point(31, UINT32),
    "WSetRvrtRem": Point(33, UINT32),
    "WSet_SF": Point(55, EXPONENT),
}

_DER_STORAGE: Mapping[str, Point | Text] = {
    "WHRtg": Point(2, UINT16, "WH_SF"),
    "SoC": Point(4, UINT16, "Pct_SF"),
    "SoH": Point(5, UINT16, "Pct_SF"),
    "Sta": Point(6, ENUM16),
    "WH_SF": Point(7, EXPONENT),
    "Pct_SF": Point(8, EXPONENT),
}

_BATTERY: Mapping[str, Point | Text] = {
    "WHRtg": Point(3, UINT16, "WHRtg_SF"),
    "WChaRteMax": Point(4, UINT16, "WChaDisChaMax_SF"),
    "WDisChaRteMax": Point(5, UINT16, "WChaDisChaMax_SF"),
    "SoCMax": Point(7, UINT16, "SoC_SF"),
    "SoCMin": Point(8, UINT16, "SoC_SF"),
    "SoC": Point(11, UINT16, "SoC_SF"),
    "SoH": Point(13, UINT16, "SoH_SF"),
    "LocRemCtl": Point(17, ENUM16),
    "State": Point(22, ENUM16),
    "Evt1": Point(26, BITS32),
    "WHRtg_SF": Point(53, EXPONENT),
    "WChaDisChaMax_SF": Point(54, EXPONENT),
    "SoC_SF": Point(56, EXPONENT),
    "SoH_SF": Point(58, EXPONENT),
}

POINTS: Mapping[int, Mapping[str, Point | Text]] = {
    COMMON: _COMMON,
    **dict.fromkeys(INVERTERS, _INVERTER),
    NAMEPLATE: _NAMEPLATE,
    STORAGE: _STORAGE,
    DER_MEASUREMENT: _DER_MEASUREMENT,
    DER_CAPACITY: _DER_CAPACITY,
    DER_CONTROL: _DER_CONTROL,
    DER_STORAGE: _DER_STORAGE,
    BATTERY: _BATTERY,
}
"""Points of each model that is known, by name."""

INVERTER_ALARMS: Mapping[int, str] = {
    0: "ground fault",
    1: "DC over-voltage",
    2: "AC disconnected",
    3: "DC disconnected",
    4: "grid disconnected",
    5: "cabinet open",
    6: "manual shutdown",
    7: "over temperature",
    8: "over-frequency",
    9: "under-frequency",
    10: "AC over-voltage",
    11: "AC under-voltage",
    12: "blown string fuse",
    13: "under temperature",
    14: "memory loss or communication error",
    15: "hardware test failed",
    16: "of the manufacturer",
}
"""Bits of Alrm in model 701, and those to 15 of Evt1 in models 101 to 103."""

BATTERY_ALARMS: Mapping[int, str] = {
    0: "communication error",
    1: "over temperature",
    3: "under temperature",
    5: "over-current while charging",
    7: "over-current while discharging",
    9: "over-voltage",
    11: "under-voltage",
    13: "state of charge below its least",
    15: "state of charge above its most",
    18: "temperatures differ",
    20: "contactor fault",
    21: "fan fault",
    22: "ground fault",
    23: "open door",
    25: "other alarm",
    28: "configuration",
}
"""Bits of Evt1 in model 802 that are alarms; warnings are left out."""
