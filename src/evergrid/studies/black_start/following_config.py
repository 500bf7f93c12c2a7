"""The part of the configuration about chargers that cannot form a grid: [following]."""

from typing import Literal

from pydantic import model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.resilience.black_start.assets.following import FollowingRules


class FollowingEntry(BaseConfig):
    """Chargers that follow, in the island; delays and windows are unverified, check your rules."""

    enter_s: float = 5.0
    """For which voltage and frequency must be good before one enters service."""
    ramp_s: float = 5.0
    """In which its power then rises from nothing."""
    power_share: float = 0.5
    """Of its greatest discharging power, what each feeds."""
    low_voltage_pu: float = 0.88
    """Below which the voltage is bad."""
    high_voltage_pu: float = 1.1
    """Above which it is bad."""
    low_deviation_hz: float = 1.5
    """By which the frequency may be low."""
    high_deviation_hz: float = 1.2
    """By which it may be high."""
    trip_s: float = 0.16
    """For which one of them must be bad for a trip."""
    anti_islanding: Literal["off", "rocof"] = "off"
    """"off" in a planned island; "rocof" trips on the rate of change of frequency."""
    rocof_hz_per_s: float = 3.0
    """Rate at which it does."""
    rocof_window_s: float = 0.5
    """Over which the rate is measured."""
    pll_hz: float = 3.0
    """Natural frequency of the phase-locked loop."""
    pll_damping: float = 0.7
    """Its damping ratio."""

    @model_validator(mode="after")
    def _valid(self) -> "FollowingEntry":
        self.record()
        return self

    def record(self) -> FollowingRules:
        """The rules, checked.

        Raises:
            InputError: A number out of range.
        """
        return FollowingRules(**self.model_dump())
