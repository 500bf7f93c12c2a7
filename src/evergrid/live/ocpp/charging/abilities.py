"""What can a station do, by the variables of its device model?

A name that editions and vendors spell in two ways is asked for in both. What a station does not
say, it cannot do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evergrid.live.devices.adapter import Capabilities
from evergrid.live.ocpp.wire.schemas import OCPP_2_1

Variable = tuple[str, str]  # component, variable

_SMART, _V2X = "SmartChargingCtrlr", "V2XChargingCtrlr"
_PROFILES = "SupportsDynamicProfiles"
_RATE_LIMITS = ("ChargingProfileUpdateRateLimit", "UpdateRateLimit")
_RATE_UNITS = ("ChargingScheduleChargingRateUnit", "RateUnit")
_MODES = ("V2XSupportedOperationModes", "SupportedOperationModes")
_TRANSFERS = ("V2XSupportedEnergyTransferModes", "SupportedEnergyTransferModes")
_DER = ("DCDERCtrlr", "ACDERCtrlr")
LONGEST_RATE_LIMIT_S = 3600.0

ASKED: tuple[Variable, ...] = (
    (_V2X, "Enabled"),
    (_V2X, "Available"),
    *((_V2X, name) for name in _MODES),
    *((_V2X, name) for name in _TRANSFERS),
    *((component, "ModesSupported") for component in _DER),
    ("ISO15118Ctrlr", "Enabled"),
    ("ISO15118Ctrlr", "SupportedEnergyTransferModes"),
    (_SMART, "Enabled"),
    (_SMART, _PROFILES),
    (_SMART, "SupportedAdditionalPurposes"),
    (_SMART, "ProfileStackLevel"),
    (_SMART, "SupportsUseLocalTime"),
    (_SMART, "SupportsLimitAtSoC"),
    *((_SMART, name) for name in _RATE_UNITS),
    (_SMART, "MaxExternalConstraintsId"),
    *((_SMART, name) for name in _RATE_LIMITS),
)


RATE_UNITS = frozenset({"W", "A"})
OF_OUTLETS = (_V2X, *_DER)  # components that a station may have for each outlet instead


@dataclass(frozen=True)
class Abilities:
    """What a station said of itself.

    Attributes:
        version: Subprotocol under which it said so.
        v2x: Whether its vehicles may discharge by a central set-point.
        dynamic: Whether it takes profiles of kind Dynamic, and UpdateDynamicSchedule.
        operation_modes: That it names.
        energy_transfers: That it names.
        der_controls: Grid functions that it names.
        purposes: Of profiles, beyond those that every station knows.
        local_time: Whether a schedule may be in its local time.
        limit_at_soc: Whether a schedule may hold a limit from a state of charge on.
        rate_units: ``W``, ``A``; both where it names none, as either may be right. Ours are in W.
        external_id: Profiles up to this id belong to others.
        highest_level: Of profiles; None where it does not say.
        least_update_s: Time between two charging profiles that it takes.
    """

    version: str
    v2x: bool = False
    dynamic: bool = False
    operation_modes: frozenset[str] = frozenset()
    energy_transfers: frozenset[str] = frozenset()
    der_controls: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    local_time: bool = False
    limit_at_soc: bool = False
    rate_units: frozenset[str] = RATE_UNITS
    external_id: int | None = None
    highest_level: int | None = None
    least_update_s: float = 0.0

    @property
    def takes_setpoints(self) -> bool:
        """Whether set-points can be sent one by one, in watts."""
        return self.dynamic and "W" in self.rate_units

    @property
    def capabilities(self) -> Capabilities:
        """In the words of every adapter."""
        return Capabilities(
            v2x=self.v2x and self.takes_setpoints,
            dynamic=self.takes_setpoints,
            operation_modes=self.operation_modes,
            least_update_s=self.least_update_s,
            power_in_watts="W" in self.rate_units,
            grid_functions=self.der_controls if self.version == OCPP_2_1 else frozenset(),
        )


def abilities(version: str, told: Mapping[Variable, str]) -> Abilities:
    """From the values of those of `ASKED` that the station has."""
    modern = version == OCPP_2_1
    modes = _listed(told, _V2X, _MODES)
    v2x = _true(told, _V2X, "Enabled") and told.get((_V2X, "Available"), "true") != "false"
    units = _listed(told, _SMART, _RATE_UNITS)
    return Abilities(
        version=version,
        v2x=modern and v2x and "CentralSetpoint" in modes,
        dynamic=modern and _true(told, _SMART, _PROFILES),
        operation_modes=modes if modern else frozenset(),
        energy_transfers=_listed(told, _V2X, _TRANSFERS)
        | _listed(told, "ISO15118Ctrlr", ("SupportedEnergyTransferModes",)),
        der_controls=frozenset().union(
            *(_listed(told, component, ("ModesSupported",)) for component in _DER)
        ),
        purposes=_listed(told, _SMART, ("SupportedAdditionalPurposes",)),
        local_time=_true(told, _SMART, "SupportsUseLocalTime"),
        limit_at_soc=_true(told, _SMART, "SupportsLimitAtSoC"),
        rate_units=(units & RATE_UNITS) or RATE_UNITS,
        highest_level=_number(told, _SMART, ("ProfileStackLevel",)),
        external_id=_number(told, _SMART, ("MaxExternalConstraintsId",)),
        least_update_s=_rate_limit_s(told),
    )


def _true(told: Mapping[Variable, str], component: str, name: str) -> bool:
    return told.get((component, name), "").strip().lower() == "true"


def _listed(told: Mapping[Variable, str], component: str, names: tuple[str, ...]) -> frozenset[str]:
    """All members that any of the variables names."""
    texts = (told.get((component, name), "") for name in names)
    return frozenset(part.strip() for text in texts for part in text.split(",") if part.strip())


def _number(told: Mapping[Variable, str], component: str, names: tuple[str, ...]) -> int | None:
    """The first of the variables that holds a whole number of at most nine digits."""
    for name in names:
        text = told.get((component, name), "").strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
    return None


def _rate_limit_s(told: Mapping[Variable, str]) -> float:
    limit = _number(told, _SMART, _RATE_LIMITS)
    return min(float(limit or 0), LONGEST_RATE_LIMIT_S)
