"""What a reader of a black start must know beside its numbers."""

import numpy as np

from evergrid.resilience.black_start.results.outcome import Action
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.following_config import FollowingEntry
from evergrid.studies.black_start.results import BlackStartResults, life_safety_s

LIFE_SAFETY_S = 10.0  # NFPA 110, type 10


def notes(config: Config, found: BlackStartResults) -> list[str]:
    """What a reader must know."""
    site, neighbours = found.start.circuit.site, found.start.circuit.feeder.neighbours
    told = [
        *config.microgrid.assumed(transformer=True),
        "Limits of the synchro-check and of relays are configuration: check them against the rules "
        "that hold for your island.",
        "Gains are a published set, scaled to the rating of the chargers; those of your chargers "
        "are known to their makers. Phases are alike.",
        *_motor_notes(config, found),
        *_emergency_notes(config, found),
    ]
    following = [unit.name for unit in site.batteries if not unit.grid_forming]
    if config.following is not None:
        told += _following_notes(config.following, found)
    elif following:
        told.append(
            f"{len(following)} batteries follow the grid ({', '.join(following[:3])}); they are "
            "not part of the island."
        )
    single = [block.name for block in site.load_blocks if block.phases != "abc"]
    if single:
        told.append(f"Blocks on one phase count as balanced: {', '.join(single[:5])}.")
    idle = [unit.name for one in neighbours for unit in one.batteries if not unit.grid_forming]
    if idle and config.following is None:
        told.append(f"So do {len(idle)} of neighbouring sections ({', '.join(idle[:3])}).")
    if any(one.formers for one in neighbours):
        told.append(
            "The site and a neighbouring section each have a unit that starts their bus. Once they "
            "are joined that is no conflict: both share by droop, and neither holds nominal "
            "frequency alone."
        )
    if found.upstream is not None:
        told.append(
            "Saturation is known to the waveform level alone: the island in dq shows no inrush of "
            "the transformer upstream. In waveforms all inverters of the site count as one."
        )
    if site.solar_kw is not None and config.panels is None:
        told.append("Panels of the site take no part; [panels] lets them.")
    elif config.panels is not None:
        told.append(
            "The sun stays as it is for these minutes. Panels follow the island by the rules of "
            "[following] and feed at most what blocks draw; their protection against islands is "
            "not simulated."
        )
    if config.start.run_unstable:
        told.append("Unstable closings are done nevertheless, as start.run_unstable says.")
    if found.fuse is not None:
        told.append(f"In a fault that the inverters alone feed, {found.fuse}.")
    return told


def _motor_notes(config: Config, found: BlackStartResults) -> list[str]:
    """What a reader must know of motors."""
    circuit = found.start.circuit
    shares = [block.name for block in circuit.blocks if block.motor_share > 0]
    if config.motors is None:
        named = f" ({', '.join(shares[:3])})" if shares else ""
        return [f"Motors start as impedances{named}; [motors] starts them as machines."]
    if not shares:
        return ["No block has a motor_share, so that [motors] changes nothing."]
    return [
        f"Motors of {', '.join(shares[:5])} start straight on the line with their block; those of "
        "a block count as one. Their data are typical, unverified; contactors that drop out, skin "
        "effect and saturation are left out, and flux is gone when voltage comes back."
    ]


def _emergency_notes(config: Config, found: BlackStartResults) -> list[str]:
    """What a reader must know of diesel sets and transfer switches."""
    start = found.start
    sets = start.circuit.site.diesel_sets
    if config.diesel is None:
        names = ", ".join(one.name for one in sets[:3])
        return [f"Diesel sets take no part ({names}); [diesel] lets them."] if sets else []
    told = [
        "Diesel sets are on an emergency bus. Their data are typical, unverified, and so are the "
        "limits on steps of load, told of ISO 8528-5; saturation, the damper winding of the direct "
        "axis and cooling down are left out. One that is up does not fail, nor is it stopped when "
        "nothing is left to feed: it uses fuel at no load."
    ]
    failed = [one.actor for one in start.events if one.action is Action.NO_START]
    if failed:
        how = "as told" if config.diesel.starts == "none" else "as drawn with the seed"
        told.append(f"{', '.join(failed)} does not start, {how}.")
    late = life_safety_s(start)
    if late > LIFE_SAFETY_S:
        when = f"only after {late:.1f} s" if np.isfinite(late) else "not at all"
        told.append(
            f"Blocks of life safety have supply {when}; NFPA 110 asks for it within "
            f"{LIFE_SAFETY_S:g} s. Until then their own batteries must carry them."
        )
    return told


def _following_notes(rules: FollowingEntry, found: BlackStartResults) -> list[str]:
    """What a reader must know of chargers that follow in the island."""
    told = [
        "Delays, windows and rates of chargers that follow are usual values, not verified: check "
        "them against their settings and the rules that hold for your island.",
        "Blocks are not counted on chargers that follow, as any of them may trip; they spare the "
        "energy of those that form the grid.",
    ]
    if rules.anti_islanding == "off":
        told.append(
            "Their protection against islands is set off in this planned island: that must be "
            "done at each charger, or they trip within 2 s or so. Those that shift their frequency "
            "actively to find an island are not simulated."
        )
    else:
        told.append(
            f"Their protection against islands acts at {rules.rocof_hz_per_s:g} Hz/s over "
            f"{rules.rocof_window_s:g} s: set it off, or widen it, for a planned island. Those "
            "that shift their frequency actively to find an island are not simulated."
        )
    out = [one for one in found.start.followers if not one.on_at_end]
    if out:
        told.append(
            f"{len(out)} chargers that follow do not feed at the end; {out[0].unit}: "
            f"{out[0].reason}."
        )
    return told
