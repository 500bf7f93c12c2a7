"""Plans of one site by the hour, small enough to be worked out by hand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evergrid.core import config
from evergrid.studies import plan

HEAD = (
    "session_id,asset_id,site_id,arrival_utc,departure_utc,capacity_kwh,energy_arrival_kwh,"
    "energy_departure_kwh,energy_reserve_kwh,max_charge_kw,max_discharge_kw,efficiency_charge,"
    "efficiency_discharge,wear_cost_per_kwh"
)


@dataclass
class Case:
    """A site by the hour from 00:00Z on 14 January 2025.

    Attributes:
        prices: Import price of each hour, or import and export price, per MWh.
        site: Keys of the site "s".
        load: Load of each hour, kW.
        generation: What could be generated in each hour, kW.
        sessions: Rows of the sessions table without asset and site: name, first and last hour,
            capacity, energy on arrival, owed, reserve, charge and discharge kW, efficiency.
        battery: Keys of a battery; None for none.
        below: Keys of a site "t" below "s", where the sessions then are; None for none.
        load_below: Load of each hour there, kW.
    """

    prices: list[Any]
    site: dict[str, Any] = field(default_factory=dict)
    load: list[float] | None = None
    generation: list[float] | None = None
    sessions: list[tuple[Any, ...]] = field(default_factory=list)
    battery: dict[str, Any] | None = None
    below: dict[str, Any] | None = None
    load_below: list[float] | None = None

    def run(self, folder: Path, method: str = "highs", **solve: Any) -> plan.Result:
        """Plan it by a method."""
        folder.mkdir(parents=True, exist_ok=True)
        pairs = [p if isinstance(p, tuple) else (p, p) for p in self.prices]
        rows = [f"{self._at(i)},{buy},{sell}" for i, (buy, sell) in enumerate(pairs)]
        head = "time_utc,import_price_per_mwh,export_price_per_mwh"
        (folder / "prices.csv").write_text("\n".join([head, *rows]) + "\n")
        given: dict[str, Any] = {
            "horizon": {
                "start": "2025-01-14T00:00:00+00:00",
                "days": len(pairs) / 24,
                "step_min": 60,
            },
            "prices": {"file": "prices.csv"},
            "site": self._sites(),
            "solve": {"method": method, **solve},
        }
        hourly = {"load": [("s", self.load), ("t", self.load_below)]}
        hourly["generation"] = [("s", self.generation)]
        for key, of_sites in hourly.items():
            rows = [
                f"{site},{self._at(i)},{value}"
                for site, values in of_sites
                for i, value in enumerate(values or [])
            ]
            if rows:
                text = "\n".join([f"site_id,time_utc,{key}_kw", *rows]) + "\n"
                (folder / f"{key}.csv").write_text(text)
                given[f"site_{key}_file"] = f"{key}.csv"
        if self.sessions:
            (folder / "sessions.csv").write_text("\n".join([HEAD, *self._sessions()]) + "\n")
            given["sessions"] = {"file": "sessions.csv"}
        if self.battery is not None:
            given["battery"] = [{"asset_id": "b", "site_id": "s", **self.battery}]
        return plan.run(config.parse(plan.Config, given), folder=folder)

    def _sites(self) -> list[dict[str, Any]]:
        top = {"site_id": "s", **self.site}
        return (
            [top] if self.below is None else [top, {"site_id": "t", "parent_id": "s", **self.below}]
        )

    def _sessions(self) -> list[str]:
        site = "s" if self.below is None else "t"
        return [
            f"{name},{name},{site},{self._at(first)},{self._at(last)},"
            f"{','.join(map(str, rest[:-1]))},{rest[-1]},{rest[-1]},0"
            for name, first, last, *rest in self.sessions
        ]

    @staticmethod
    def _at(hour: int) -> str:
        return f"2025-01-{14 + hour // 24}T{hour % 24:02d}:00:00Z"
