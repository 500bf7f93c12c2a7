"""What a station says about itself: components, their variables, and which may be set."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

from evergrid.core.units import W_PER_KW
from evergrid.live.twin.charging.battery import StationCharger
from evergrid.live.twin.charging.der_controls import SUPPORTED
from evergrid.live.twin.charging.station_rules import Abilities
from evergrid.live.twin.wire.messages import MEASURANDS, NOT_IN_2_0_1, transfers

ITEMS_PER_MESSAGE = 12  # of a NotifyReport; few, so that reports have several pages
TX_INTERVAL_S, HEARTBEAT_S = 60, 300


class Name(NamedTuple):
    """A variable of a component.

    Attributes:
        component: Such as SmartChargingCtrlr.
        variable: Such as Enabled.
        instance: Of the variable; "" for none.
        evse: Outlet of the component; 0 for none.
    """

    component: str
    variable: str
    instance: str = ""
    evse: int = 0


HEARTBEAT = Name("OCPPCommCtrlr", "HeartbeatInterval")
PASSWORD = Name("SecurityCtrlr", "BasicAuthPassword")
ORGANISATION = Name("SecurityCtrlr", "OrganizationName")
SIGNING_WAIT = Name("SecurityCtrlr", "CertSigningWaitMinimum")
SIGNING_REPEATS = Name("SecurityCtrlr", "CertSigningRepeatTimes")
CHAIN_SIZE = Name("SecurityCtrlr", "MaxCertificateChainSize")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 16, 64  # OCPP 2.1, passwordString


@dataclass(frozen=True)
class Variable:
    """A variable.

    Attributes:
        value: As text.
        kind: Its type, in the words of OCPP.
        writable: Whether it may be set.
        secret: Whether it cannot be read.
        least: Least number; None for no limit.
    """

    value: str
    kind: str = "string"
    writable: bool = False
    least: float | int | None = None
    secret: bool = False


def _flag(value: bool) -> Variable:
    return Variable("true" if value else "false", "boolean")


def _number(
    value: float | int, *, writable: bool = False, least: float | int | None = None
) -> Variable:
    kind = "integer" if float(value).is_integer() else "decimal"
    return Variable(f"{value:g}", kind, writable, least)


def of_station(
    able: Abilities, charger: StationCharger, serial: str, protocol: str, outlets: int = 1
) -> "Variables":
    """The variables of a station, whose outlets are all alike."""
    measurands = [name for name in MEASURANDS if protocol == "ocpp2.1" or name not in NOT_IN_2_0_1]
    names = Variable(",".join(measurands), "MemberList", writable=True)
    found = {
        Name("ChargingStation", "SerialNumber"): Variable(serial),
        Name("ChargingStation", "SupplyPhases"): _number(charger.phases),
        Name("ChargingStation", "AvailabilityState"): Variable("Available", "OptionList"),
        HEARTBEAT: _number(HEARTBEAT_S, writable=True, least=1),
        Name("OCPPCommCtrlr", "WebSocketPingInterval"): _number(0, writable=True, least=0),
        Name("OCPPCommCtrlr", "OfflineThreshold"): _number(60, writable=True, least=0),
        Name("OCPPCommCtrlr", "RetryBackOffWaitMinimum"): _number(5, writable=True, least=0),
        Name("OCPPCommCtrlr", "RetryBackOffRandomRange"): _number(10, writable=True, least=0),
        Name("OCPPCommCtrlr", "RetryBackOffRepeatTimes"): _number(4, writable=True, least=0),
        Name("OCPPCommCtrlr", "MessageTimeout", "Default"): _number(30, writable=True, least=1),
        Name("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"): _number(3),
        Name("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"): _number(10),
        Name("DeviceDataCtrlr", "ItemsPerMessage", "GetVariables"): _number(50),
        Name("DeviceDataCtrlr", "ItemsPerMessage", "SetVariables"): _number(50),
        Name("DeviceDataCtrlr", "BytesPerMessage", "GetVariables"): _number(65_536),
        Name("DeviceDataCtrlr", "BytesPerMessage", "SetVariables"): _number(65_536),
        Name("AuthCtrlr", "Enabled"): _flag(True),
        PASSWORD: Variable("", writable=True, secret=True),
        ORGANISATION: Variable("Evergrid", writable=True),
        SIGNING_WAIT: _number(30, writable=True, least=1),
        SIGNING_REPEATS: _number(3, writable=True, least=0),
        CHAIN_SIZE: Variable("10000", "integer"),
        Name("TxCtrlr", "TxStartPoint"): Variable("Authorized", "MemberList"),
        Name("TxCtrlr", "TxStopPoint"): Variable("EVConnected", "MemberList"),
        Name("SampledDataCtrlr", "TxUpdatedInterval"): _number(
            TX_INTERVAL_S, writable=True, least=0
        ),
        Name("SampledDataCtrlr", "TxStartedMeasurands"): names,
        Name("SampledDataCtrlr", "TxUpdatedMeasurands"): names,
        Name("SampledDataCtrlr", "TxEndedMeasurands"): names,
        **_smart_charging(able),
    }
    for evse in range(1, outlets + 1):
        found |= _of_outlet(charger, evse)
    if protocol == "ocpp2.1":
        found |= _of_2_1(able, charger, outlets)
    return Variables(found)


def _of_outlet(charger: StationCharger, evse: int) -> dict[Name, Variable]:
    connector = "cCCS2" if charger.direct_current else "cType2"
    return {
        Name("EVSE", "AvailabilityState", evse=evse): Variable("Available", "OptionList"),
        Name("EVSE", "SupplyPhases", evse=evse): _number(charger.phases),
        Name("EVSE", "Power", evse=evse): _number(round(charger.most_kw * W_PER_KW, 1)),
        Name("EVSE", "AllowReset", evse=evse): _flag(False),
        Name("Connector", "ConnectorType", evse=evse): Variable(connector),
    }


def _smart_charging(able: Abilities) -> dict[Name, Variable]:
    component = "SmartChargingCtrlr"
    return {
        Name(component, "Available"): _flag(True),
        Name(component, "Enabled"): _flag(True),
        Name(component, "RateUnit"): Variable(",".join(sorted(able.units)), "MemberList"),
        Name(component, "ProfileStackLevel"): _number(able.highest_stack_level),
        Name(component, "Entries", "ChargingProfiles"): _number(able.most_profiles),
        Name(component, "PeriodsPerSchedule"): _number(able.most_periods),
        Name(component, "LimitChangeSignificance"): _number(1, writable=True, least=0),
        Name(component, "ACPhaseSwitchingSupported"): _flag(False),
    }


def _of_2_1(able: Abilities, charger: StationCharger, outlets: int) -> dict[Name, Variable]:
    component = "SmartChargingCtrlr"
    found = {
        Name(component, "SupportsDynamicProfiles"): _flag(able.dynamic),
        Name(component, "SupportedAdditionalPurposes"): Variable(
            ",".join(sorted(able.purposes)), "MemberList"
        ),
        Name(component, "SupportsUseLocalTime"): _flag(able.use_local_time),
        Name(component, "SupportsLimitAtSoC"): _flag(able.limit_at_soc),
        Name(component, "SupportsRandomizedDelay"): _flag(able.randomized_delay),
        Name(component, "SupportsEvseSleep"): _flag(able.evse_sleep),
    }
    if able.update_rate_s:
        found[Name(component, "UpdateRateLimit")] = _number(able.update_rate_s)
    if able.external_ids_below is not None:
        found[Name(component, "MaxExternalConstraintsId")] = _number(able.external_ids_below)
    modes = Variable(",".join(sorted(able.modes)) if able.v2x else "ChargingOnly", "MemberList")
    ways = Variable(",".join(transfers(charger, able.v2x)), "MemberList")
    found[Name("ISO15118Ctrlr", "Enabled")] = _flag(able.v2x)
    found[Name("V2XChargingCtrlr", "Enabled")] = _flag(able.v2x)
    for evse in range(1, outlets + 1):
        for name in ("ISO15118Ctrlr", "V2XChargingCtrlr"):
            found[Name(name, "Available", evse=evse)] = _flag(able.v2x)
            found[Name(name, "Enabled", evse=evse)] = _flag(able.v2x)
        found[Name("V2XChargingCtrlr", "SupportedOperationModes", evse=evse)] = modes
        found[Name("V2XChargingCtrlr", "SupportedEnergyTransferModes", evse=evse)] = ways
        if able.v2x:
            controls = Variable(",".join(sorted(SUPPORTED)), "MemberList")
            found[Name("DCDERCtrlr", "Available", evse=evse)] = _flag(True)
            found[Name("DCDERCtrlr", "ModesSupported", evse=evse)] = controls
    return found


@final
class Variables:
    """The variables of one station, some of which the central system may set."""

    def __init__(self, found: dict[Name, Variable]) -> None:
        self._found = found

    def number(self, component: str, variable: str, instance: str = "") -> float:
        """The value of a variable that is a number."""
        return float(self._found[Name(component, variable, instance)].value)

    def text(self, name: Name) -> str:
        """The value of a variable, as text."""
        return self._found[name].value

    def write(self, name: Name, value: str) -> None:
        """Change a variable from inside the station."""
        self._found[name] = replace(self._found[name], value=value)

    def names(self, component: str, variable: str) -> tuple[str, ...]:
        """The value of a variable that is a list."""
        value = self._found[Name(component, variable)].value
        return tuple(name.strip() for name in value.split(",") if name.strip())

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One result of GetVariables."""
        status, variable = self._find(asked)
        answer = {
            "attributeStatus": status,
            "component": asked["component"],
            "variable": asked["variable"],
        }
        if asked.get("attributeType", "Actual") != "Actual":
            answer["attributeStatus"] = "NotSupportedAttributeType"
            answer["attributeType"] = asked["attributeType"]
        elif variable is not None and variable.secret:
            answer["attributeStatus"] = "Rejected"
        elif variable is not None:
            answer["attributeValue"] = variable.value
        return answer

    def set(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One result of SetVariables; an accepted one holds from now on."""
        status, variable = self._find(asked)
        if asked.get("attributeType", "Actual") != "Actual":
            status = "NotSupportedAttributeType"
        elif variable is not None:
            status = _settable(variable, asked["attributeValue"])
            if status == "Accepted":
                name = _name(asked)
                self._found[name] = replace(variable, value=asked["attributeValue"])
        return {
            "attributeStatus": status,
            "component": asked["component"],
            "variable": asked["variable"],
        }

    def report(self) -> Iterator[list[dict[str, Any]]]:
        """Every variable, page by page."""
        page: list[dict[str, Any]] = []
        for name, variable in self._found.items():
            page.append(_reported(name, variable))
            if len(page) == ITEMS_PER_MESSAGE:
                yield page
                page = []
        if page:
            yield page

    def _find(self, asked: dict[str, Any]) -> tuple[str, Variable | None]:
        name = _name(asked)
        if name in self._found:
            return "Accepted", self._found[name]
        if any(known.component == name.component for known in self._found):
            return "UnknownVariable", None
        return "UnknownComponent", None


def _name(asked: dict[str, Any]) -> Name:
    component, variable = asked["component"], asked["variable"]
    evse = component.get("evse", {}).get("id", 0)
    return Name(component["name"], variable["name"], variable.get("instance", ""), evse)


def _settable(variable: Variable, value: str) -> str:
    if not variable.writable:
        return "Rejected"
    if variable.kind in ("integer", "decimal"):
        try:
            number = float(value)
        except ValueError:
            return "Rejected"
        least = variable.least
        return "Accepted" if least is None or number >= least else "Rejected"
    if variable.secret:
        fits = SHORTEST_PASSWORD <= len(value) <= LONGEST_PASSWORD
        return "Accepted" if fits else "Rejected"
    if variable.kind == "MemberList":
        known = all(name.strip() in MEASURANDS for name in value.split(",") if name.strip())
        return "Accepted" if known else "Rejected"
    return "Accepted"


def _reported(name: Name, variable: Variable) -> dict[str, Any]:
    component: dict[str, Any] = {"name": name.component}
    if name.evse:
        component["evse"] = {"id": name.evse}
    of_component: dict[str, Any] = {"name": name.variable}
    if name.instance:
        of_component["instance"] = name.instance
    mutability = "ReadWrite" if variable.writable else "ReadOnly"
    attribute = {"value": variable.value, "mutability": mutability}
    if variable.secret:
        attribute = {"mutability": "WriteOnly"}
    return {
        "component": component,
        "variable": of_component,
        "variableAttribute": [attribute],
        "variableCharacteristics": {"dataType": variable.kind, "supportsMonitoring": False},
    }
