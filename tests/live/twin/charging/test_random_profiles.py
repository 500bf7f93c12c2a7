"""Whatever a station accepts it can obey, and whatever it refuses has a reason."""

import math
import random
from collections import Counter

from evergrid.live.twin.charging.battery import charger, whole_steps
from evergrid.live.twin.charging.profiles import (
    ChargingProfile,
    Moment,
    Surroundings,
    composite,
    goal,
    next_change_s,
)
from evergrid.live.twin.charging.station_rules import Abilities, Circumstances, profile_rejection
from evergrid.live.twin.wire.schema_checks import schema_fault
from tests.live.twin.charging.random_profiles import NOW_S, random_profile

CASES = 10_000


def test_random_profiles_that_are_accepted_can_be_obeyed_and_the_others_have_a_reason():
    rng = random.Random(11)
    now, able, ratings = Circumstances(NOW_S, (), "tx", True), Abilities(), charger(11.0, 11.0, 3)
    reasons: Counter[str] = Counter()
    for _ in range(CASES):
        evse, wire = random_profile(rng)
        request = {"evseId": evse, "chargingProfile": wire}
        assert schema_fault("ocpp2.1", "SetChargingProfileRequest", request) is None, wire
        found = profile_rejection(evse, wire, able, now)
        if found is not None:
            reasons[found.reason_code] += 1
            continue
        reasons["accepted"] += 1
        kept = ChargingProfile(wire, evse, NOW_S)
        begin = Moment(NOW_S, None, "tx", NOW_S - 100.0, rng.random() < 0.5)
        hz, signal = rng.uniform(49.0, 51.0), rng.choice((None, -100, 3, 500))
        around = Surroundings(hz, signal, True, 11_040.0, 11_040.0)
        for moment in (begin, begin._replace(now_s=NOW_S + rng.uniform(0.0, 9_000.0))):
            aim = goal([kept], moment, around)
            assert aim.low_kw <= aim.power_kw <= aim.high_kw or aim.mode == "Idle", (wire, aim)
            assert -11.04 <= aim.low_kw <= 0.0
            assert 0.0 <= aim.high_kw <= 11.04
            held = whole_steps(ratings, aim.power_kw, aim.low_kw, aim.high_kw)
            assert aim.low_kw - 1e-3 <= held <= aim.high_kw + 1e-3
            assert next_change_s([kept], moment) > moment.now_s
            periods = composite([kept], moment, around, 3_600, "W")
            assert periods[0]["startPeriod"] == 0
            assert all(math.isfinite(period["limit"]) for period in periods)
    assert 0.3 * CASES < reasons["accepted"] < 0.8 * CASES
    assert len(reasons) >= 10
