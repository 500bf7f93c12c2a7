"""Charging profiles made at random: each keeps the schema, and about half break a rule of 8.2."""

import random
from typing import Any

from evergrid.live.twin.charging.profiles import stamp
from evergrid.live.twin.charging.station_rules import EVERY_MODE, FIELDS_OF_MODE

NOW_S = 1_764_547_200.0
PURPOSES = (
    "TxProfile",
    "TxProfile",
    "TxProfile",
    "TxDefaultProfile",
    "PriorityCharging",
    "ChargingStationMaxProfile",
)
RARE = 0.03  # of each way to break a rule


def random_profile(rng: random.Random, transaction: str = "tx") -> tuple[int, dict[str, Any]]:
    """An outlet and a profile for it."""
    purpose = rng.choice(PURPOSES)
    station_wide = purpose in ("ChargingStationMaxProfile", "TxDefaultProfile")
    evse = 0 if station_wide else 1
    kind = rng.choice(("Absolute", "Relative", "Recurring", "Dynamic"))
    if purpose == "ChargingStationMaxProfile" and kind == "Relative":
        kind = "Absolute"
    wire: dict[str, Any] = {
        "id": rng.randrange(1, 1_000),
        "stackLevel": rng.randrange(0, 10),
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [_schedule(rng, purpose, kind)],
    }
    if purpose == "TxProfile":
        wire["transactionId"] = transaction
    if kind == "Recurring":
        wire["recurrencyKind"] = rng.choice(("Daily", "Weekly"))
    if rng.random() < 0.5:
        wire["maxOfflineDuration"] = rng.choice((0, 1, 60, 3_600))
    _break(rng, wire)
    return (rng.randrange(3) if rng.random() < RARE else evse), wire


def _schedule(rng: random.Random, purpose: str, kind: str) -> dict[str, Any]:
    count = 1 if kind == "Dynamic" else rng.randrange(1, 5)
    starts = [0, *sorted(rng.sample(range(1, 7_200), count - 1))]
    only_charging = purpose in ("PriorityCharging", "ChargingStationMaxProfile")
    modes = ("ChargingOnly",) if only_charging else EVERY_MODE
    found: dict[str, Any] = {
        "id": rng.randrange(1, 100),
        "chargingRateUnit": "W" if rng.random() < 0.8 else "A",
        "chargingSchedulePeriod": [_period(rng, start, rng.choice(modes)) for start in starts],
    }
    if kind in ("Absolute", "Recurring", "Dynamic"):
        found["startSchedule"] = stamp(NOW_S - rng.choice((0.0, 60.0, 3_600.0, -600.0)))
    if purpose != "PriorityCharging" and rng.random() < 0.3:
        found["duration"] = rng.randrange(1, 86_400)
    return found


def _period(rng: random.Random, start: int, mode: str) -> dict[str, Any]:
    needed, optional = FIELDS_OF_MODE[mode]
    names = [*needed, *(name for name in optional if rng.random() < 0.5)]
    if rng.random() < RARE:
        names.append(rng.choice(("limit", "setpoint", "dischargeLimit", "v2xBaseline")))
    if rng.random() < RARE and names:
        names.remove(rng.choice(names))
    limit, feed = rng.uniform(0.0, 20_000.0), -rng.uniform(0.0, 20_000.0)
    wild = rng.random() < RARE
    values = {
        "limit": limit,
        "dischargeLimit": feed,
        "setpoint": rng.uniform(2 * feed, 2 * limit) if wild else rng.uniform(feed, limit),
        "setpointReactive": rng.uniform(-5_000.0, 5_000.0),
        "v2xBaseline": rng.uniform(-3_000.0, 3_000.0),
        "v2xFreqWattCurve": [
            {"frequency": 49.5 + 0.1 * point, "power": rng.uniform(-9_000.0, 9_000.0)}
            for point in range(rng.randrange(1 if wild else 2, 8))
        ],
        "v2xSignalWattCurve": [
            {"signal": signal, "power": rng.uniform(-9_000.0, 9_000.0)}
            for signal in range(-100, 101, rng.choice((25, 100, 200)))
        ],
    }
    return {
        "startPeriod": start,
        "operationMode": mode,
        **{name: values[name] for name in dict.fromkeys(names)},
    }


def _break(rng: random.Random, wire: dict[str, Any]) -> None:
    """Break rules now and then, within the schema."""
    schedule = wire["chargingSchedule"][0]
    first = schedule["chargingSchedulePeriod"][0]
    for change in (
        lambda: wire.pop("transactionId", None),
        lambda: wire.update(transactionId="another"),
        lambda: wire.update(id=0),
        lambda: wire.update(stackLevel=99),
        lambda: wire.update(dynUpdateInterval=10),
        lambda: wire.update(chargingProfilePurpose="LocalGeneration"),
        lambda: schedule.update(startSchedule=stamp(NOW_S)),
        lambda: schedule.pop("startSchedule", None),
        lambda: schedule.update(useLocalTime=True),
        lambda: schedule.update(limitAtSoC={"soc": 80, "limit": 3_000.0}),
        lambda: schedule.update(randomizedDelay=30),
        lambda: first.update(startPeriod=5),
        lambda: first.update(limit=-5.0),
        lambda: first.update(limit_L2=100.0),
        lambda: first.update(phaseToUse=1, numberPhases=1),
        lambda: first.update(evseSleep=True),
    ):
        if rng.random() < RARE / 2:
            change()
