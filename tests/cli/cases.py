"""A small case on disk that tests break in one place, and how a call of the command ended."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SESSIONS = """\
session_id,asset_id,site_id,arrival_utc,departure_utc,capacity_kwh,energy_arrival_kwh,\
energy_departure_kwh,energy_reserve_kwh,max_charge_kw,max_discharge_kw,efficiency_charge,\
efficiency_discharge,wear_cost_per_kwh
s1,car-1,depot,2024-01-10T00:00:00Z,2024-01-10T20:00:00Z,60,30,50,10,11,11,0.95,0.94,0.02
s2,car-2,depot,2024-01-10T03:10:00Z,2024-01-10T19:40:00Z,40,10,30,5,7,7,0.90,0.92,0.01
s3,car-3,depot,2024-01-10T06:00:00Z,2024-01-11T02:00:00Z,50,20,40,5,11,0,0.95,0.95,0.02
"""
PRICES = "time_utc,import_price_per_mwh,export_price_per_mwh\n" + "".join(
    f"2024-01-10T{hour:02d}:00:00Z,{120 + 60 * wave:.2f},{90 + 60 * wave:.2f}\n"
    for hour, wave in enumerate(math.sin(hour / 2) for hour in range(24))
)
PLAN = """\
study = "plan"
[horizon]
start = "2024-01-10"
step_min = 60
[sessions]
file = "sessions.csv"
[prices]
file = "prices.csv"
[[site]]
site_id = "depot"
import_limit_kw = 15
"""


@dataclass(frozen=True)
class Ended:
    """How a call of the command ended."""

    code: int
    out: str
    err: str

    def refused(self, code: int) -> str:
        """The message of a call that must have failed without output or traceback."""
        assert (self.code, self.out) == (code, "")
        assert self.err.startswith("error: ")
        assert "Traceback" not in self.err
        return self.err


@dataclass(frozen=True)
class Case:
    """A folder with a small plan: three cars, one site, the hourly prices of a day."""

    folder: Path

    @property
    def plan(self) -> Path:
        """The configuration."""
        return self.folder / "plan.toml"

    def change(self, name: str, old: str, new: str, *, count: int = -1) -> None:
        """Replace a text that must be in the file."""
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, count))

    def files(self) -> set[Path]:
        """Everything in the folder, hidden or not."""
        return set(self.folder.rglob("*"))


Command = Callable[..., Ended]
