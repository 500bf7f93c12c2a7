"""Which powers, profiles and grid functions may leave for a station, and which never do?

Everything that sets power passes here on its way out: what a driver has not agreed to, what is
beyond a rating, what is no number, and what breaks a rule of OCPP that its schema lets pass.
"""

from dataclasses import replace
from typing import Any, final

from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.live.devices.adapter import AbstractHandler, Session
from evergrid.live.ocpp.charging import profiles
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.der_rules import der_faults
from evergrid.live.ocpp.charging.needs import BOTH_WAYS
from evergrid.live.ocpp.charging.profile_rules import ProfileCase, profile_faults, two_way
from evergrid.live.ocpp.charging.profiles import Profile
from evergrid.live.ocpp.stations.station import LiveTransaction, StationState

ROUNDING_KW = 1e-6  # by which an order may be beyond a limit, as sums of floats are
ROUNDING = 10.0**-profiles.DIGITS  # by which a number on the wire may be, in W or A
_TO_BEGIN = "to begin"  # stands for the name that a station gives its next transaction
NOT_AGREED = "discharging is not agreed, or the station names no V2X"


@final
class Gate:
    """Says what is wrong with what is about to leave.

    Args:
        handler: Knows which drivers let discharge.
    """

    def __init__(self, handler: AbstractHandler) -> None:
        self._handler = handler

    def takes_setpoints(self, state: StationState) -> bool:
        """Whether a station has said that it takes set-points one by one."""
        return state.abilities is not None and state.abilities.takes_setpoints

    def may_discharge(self, state: StationState, live: LiveTransaction) -> bool:
        """Whether a vehicle may be told to discharge: by station, controller and driver."""
        found = state.abilities
        return (
            found is not None
            and found.v2x
            and found.takes_setpoints
            and live.allowed is not False
            and self._handler.may_discharge(live.token)
        )

    def session_rule(self, state: StationState, live: LiveTransaction, session: Session) -> str:
        """Which rule a session breaks; "" for none."""
        record = state.record
        if not 0.0 <= session.max_charge_kw <= record.charge_kw + ROUNDING_KW:
            return "charging beyond the station's rating"
        if not 0.0 <= session.max_discharge_kw <= record.discharge_kw + ROUNDING_KW:
            return "discharging beyond the station's rating"
        if not 0 <= session.offline_s <= profiles.LARGEST_OFFLINE_S:
            return "offline duration out of range"
        if session.max_discharge_kw > 0 and not self.may_discharge(state, live):
            return NOT_AGREED
        return self.power_rule(state, live, session, session.power_kw)

    def power_rule(
        self, state: StationState, live: LiveTransaction, session: Session, power_kw: float
    ) -> str:
        """Which rule a power breaks; "" for none. NaN and infinity are within no limits."""
        low, high = -session.max_charge_kw - ROUNDING_KW, session.max_discharge_kw + ROUNDING_KW
        if not low <= power_kw <= high:
            return "power outside the session's limits"
        if power_kw > ROUNDING_KW and not self.may_discharge(state, live):
            return NOT_AGREED
        return ""

    def faults(self, state: StationState, action: str, payload: dict[str, Any]) -> list[Fault]:
        """Rules beyond the schema that a message breaks, where it sets power."""
        if action == "SetChargingProfile":
            profile, evse = payload["chargingProfile"], payload["evseId"]
            return profile_faults(profile, self._case(state, profile, evse))
        if action == "UpdateDynamicSchedule":
            return self._faults_of_update(state, payload)
        if action == "SetDERControl":
            named = state.abilities.der_controls if state.abilities else frozenset()
            return der_faults(payload, named)
        if action == "NotifyAllowedEnergyTransfer":
            return self._faults_of_transfers(state, payload)
        if action == "RequestStartTransaction" and "chargingProfile" in payload:
            return self._faults_of_start(state, payload)
        return _faults_of_secrets(payload) if action == "SetVariables" else []

    def _faults_of_start(self, state: StationState, payload: dict[str, Any]) -> list[Fault]:
        """Of the profile that a transaction is to begin with: it may only charge."""
        profile = payload["chargingProfile"]
        schedules = profile["chargingSchedule"]
        periods = [period for one in schedules for period in one["chargingSchedulePeriod"]]
        named = "transactionId" in profile
        if named or profile["chargingProfilePurpose"] != "TxProfile" or two_way(periods):
            rule = "be a TxProfile that only charges and names no transaction"
            fix = "Send SetChargingProfile once the transaction is live."
            return [Fault("chargingProfile", rule, fix=fix)]
        begun = {**profile, "transactionId": _TO_BEGIN}
        case = self._case(state, begun, payload.get("evseId", profiles.ALL_OUTLETS))
        return profile_faults(begun, replace(case, transaction=_TO_BEGIN, discharge=0.0))

    def _faults_of_transfers(self, state: StationState, payload: dict[str, Any]) -> list[Fault]:
        live = state.transactions.get(payload["transactionId"])
        two_way = sorted(BOTH_WAYS.intersection(payload["allowedEnergyTransfer"]))
        if two_way and (live is None or not self._handler.may_discharge(live.token)):
            rule = "not discharge, as no driver has agreed to it"
            return [Fault("allowedEnergyTransfer", rule, tuple(two_way))]
        return []

    def _faults_of_update(self, state: StationState, payload: dict[str, Any]) -> list[Fault]:
        """Those of the profile as it would be with the change."""
        held = state.profiles.get(payload["chargingProfileId"])
        if held is None or held["chargingProfileKind"] != "Dynamic":
            return [Fault("chargingProfileId", "be of a dynamic profile that the station has")]
        (schedule,) = held["chargingSchedule"]
        (period,) = schedule["chargingSchedulePeriod"]
        changed = {**schedule, "chargingSchedulePeriod": [{**period, **payload["scheduleUpdate"]}]}
        profile = {**held, "chargingSchedule": [changed]}
        live = state.transactions.get(held.get("transactionId", ""))
        evse = live.evse if live and live.evse is not None else profiles.ALL_OUTLETS
        return profile_faults(profile, self._case(state, profile, evse))

    def _case(self, state: StationState, profile: Profile, evse: int) -> ProfileCase:
        live = state.transactions.get(profile.get("transactionId", "")) or state.at(evse)
        unit = profile["chargingSchedule"][0]["chargingRateUnit"]
        scale = W_PER_KW if unit == "W" else amps(state, 1.0)
        discharge_kw = self._most_discharge_kw(state, live)
        here = live is not None and live.evse in (None, evse)
        return ProfileCase(
            evse=evse,
            abilities=state.abilities or Abilities(state.version),
            charge=state.record.charge_kw * scale + ROUNDING,
            discharge=discharge_kw * scale + ROUNDING if discharge_kw > 0 else 0.0,
            transaction=live.transaction if live and here else "",
            direct_current=live.direct_current if live else None,
            held=tuple(state.profiles.values()),
        )

    def _most_discharge_kw(self, state: StationState, live: LiveTransaction | None) -> float:
        if live is None or not self.may_discharge(state, live):
            return 0.0
        rated_kw = state.record.discharge_kw
        return min(rated_kw, live.session.max_discharge_kw) if live.session else rated_kw


def _faults_of_secrets(payload: dict[str, Any]) -> list[Fault]:
    """A secret that only the station learns would lock it out."""
    names = [data["variable"]["name"] for data in payload["setVariableData"]]
    if "BasicAuthPassword" not in names:
        return []
    fix = "Rotate the station's secret instead."
    return [Fault("variable", "not be the station's secret", ("BasicAuthPassword",), fix=fix)]


def amps(state: StationState, power_kw: float) -> float:
    """Current of each phase at which a station draws a power."""
    return power_kw * W_PER_KW / (state.record.voltage_v * state.record.phases)
