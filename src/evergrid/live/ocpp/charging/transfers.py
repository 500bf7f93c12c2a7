"""In which ways may a vehicle exchange energy, as a station is told?"""

from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.needs import BOTH_WAYS

CHARGING = ("AC_single_phase", "AC_two_phase", "AC_three_phase", "DC")
DISCHARGING = ("AC_BPT", "DC_BPT")  # offered where a station does not name its modes


def charging_only(abilities: Abilities | None) -> list[str]:
    """Modes in which energy flows into the vehicle only."""
    return _known(CHARGING, abilities) or list(CHARGING)


def both_ways(abilities: Abilities | None) -> list[str]:
    """All modes, those that discharge too."""
    named = abilities.energy_transfers if abilities else frozenset()
    two_way = sorted(named & BOTH_WAYS) or list(DISCHARGING)
    return [*charging_only(abilities), *two_way]


def _known(modes: tuple[str, ...], abilities: Abilities | None) -> list[str]:
    named = abilities.energy_transfers if abilities else frozenset()
    return [mode for mode in modes if mode in named]
