"""Where sites come from: trees beside listed sites and tables, their load, and bad places."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.inputs.assembly import StudyInputs, load
from evergrid.studies import plan

Load = Callable[..., StudyInputs]
HOME = {"place": "home", "time_zone": "Europe/Oslo"}
TREE = {
    "name": "north",
    "import_limit_kw_per_vehicle": 3.0,
    "level": [{"name": "feeder", "count": 2}, {"name": "street", "count": 3, "homes": 10}],
}
STREETS = {**HOME, "vehicles": 20, "sites": ["north/street"]}


@pytest.fixture
def loaded(tmp_path: Path):
    """Loads a configuration whose prices are those of two days."""
    times = pl.datetime_range(
        pl.datetime(2024, 1, 9, time_zone="UTC"),
        pl.datetime(2024, 1, 12, time_zone="UTC"),
        "1h",
        eager=True,
    )
    prices = {"time_utc": times, "import_price_per_mwh": 80.0, "export_price_per_mwh": 80.0}
    pl.DataFrame(prices).write_csv(tmp_path / "prices.csv")

    def make(*, seed: int = 0, **given: Any) -> StudyInputs:
        raw = {
            "horizon": {"start": "2024-01-10", "step_min": 30, "time_zone": "Europe/Oslo"},
            "prices": {"file": "prices.csv"},
            "site_tree": [TREE],
            "fleet": [STREETS],
        }
        return load(parse(plan.Config, raw | given), None, folder=tmp_path, seed=seed)

    return make


def test_every_session_stands_at_a_site_of_the_level(loaded: Load):
    portfolio = loaded().portfolio
    assert len(portfolio.sites) == 1 + 2 + 6
    assert all("/street-" in name for name in portfolio.sessions.site_id)
    assert portfolio.sites.import_limit_kw[0] == 60.0


def test_the_run_notes_what_is_generated(loaded: Load):
    notes = " ".join(loaded().notes)
    assert "9 sites of [[site_tree]] north are generated" in notes
    assert "standard load profile" in notes
    plain = {"name": "north", "level": [{"name": "street", "count": 2}]}
    assert "standard load" not in " ".join(loaded(site_tree=[plain]).notes)


def test_trees_hang_below_listed_sites_and_listed_sites_below_trees(loaded: Load):
    entries = [
        {"site_id": "grid", "import_limit_kw": 50.0},
        {"site_id": "office", "parent_id": "north/feeder-1"},
    ]
    fleet = [STREETS, {**HOME, "name": "office", "vehicles": 3, "sites": ["office"]}]
    made = loaded(site=entries, fleet=fleet, site_tree=[TREE | {"parent_id": "grid"}])
    sites = made.portfolio.sites
    row = {name: i for i, name in enumerate(sites.site_id)}
    assert sites.parent[row["north"]] == row["grid"]
    assert sites.parent[row["office"]] == row["north/feeder-1"]
    assert sites.depth.max() == 3


def test_trees_and_listed_sites_stand_beside_a_table_of_sites(loaded: Load, tmp_path: Path):
    (tmp_path / "sites.csv").write_text(
        "site_id,parent_id,import_limit_kw,export_limit_kw\noffice,,40,\n"
    )
    entry = {"site_id": "garage", "parent_id": "office"}
    sites = loaded(sites_file="sites.csv", site=[entry]).portfolio.sites
    assert sites.site_id.tolist()[:3] == ["office", "garage", "north"]
    assert sites.parent.tolist()[:3] == [-1, 0, -1]


def test_the_order_of_trees_and_groups_changes_nothing(loaded: Load):
    south = TREE | {"name": "south"}
    other = {**HOME, "name": "car", "vehicles": 9, "sites": ["south/street", "north/street"]}
    there = loaded(site_tree=[TREE, south], fleet=[STREETS, other]).portfolio
    back = loaded(site_tree=[south, TREE], fleet=[other, STREETS]).portfolio
    for one, two in ((there, back), (back, there)):
        at = two.sites.row(one.sites.site_id)
        np.testing.assert_allclose(one.load_kw, two.load_kw[at])
        np.testing.assert_allclose(one.sites.import_limit_kw, two.sites.import_limit_kw[at])
    assert set(zip(there.sessions.session_id, there.sessions.site_id, strict=True)) == set(
        zip(back.sessions.session_id, back.sessions.site_id, strict=True)
    )


def test_load_of_a_table_and_load_of_homes_add_up(loaded: Load, tmp_path: Path):
    homes = loaded().portfolio
    hours = [f"2024-01-{9 + h // 24:02d}T{h % 24:02d}:00:00Z" for h in range(72)]
    rows = [f"{site},{time},2.5" for site in ("north", "north/feeder-1/street-1") for time in hours]
    (tmp_path / "load.csv").write_text("site_id,time_utc,load_kw\n" + "\n".join(rows) + "\n")
    both = loaded(site_load_file="load.csv").portfolio
    added = both.load_kw - homes.load_kw
    named = np.isin(both.sites.site_id.astype(str), ["north", "north/feeder-1/street-1"])
    np.testing.assert_allclose(added, 2.5 * named[:, None] * np.ones(48), atol=1e-9)


def test_the_seed_moves_the_load_of_homes(loaded: Load):
    one, other = (loaded(seed=seed).portfolio.load_kw for seed in (1, 2))
    assert not np.allclose(one, other)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("north/streets", r"fleet\.0\.sites must name sites, or a level .*Did you mean north/str"),
        ("nroth", "got nroth. Did you mean north"),
        ("north/feeder-3", "got north/feeder-3. Did you mean north/feeder-2"),
        ("elsewhere", "There are north/feeder, north/street"),
    ],
)
def test_a_place_that_is_no_site_names_the_nearest(loaded: Load, site: str, message: str):
    with pytest.raises(ConfigError, match=message):
        loaded(fleet=[STREETS | {"sites": [site]}])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"site_tree": [TREE, TREE]}, "site_tree.name must be unique, got north"),
        ({"site": [{"site_id": "north/street"}]}, "site_id must not be the name of a level"),
        ({"site": [{"site_id": "north"}]}, "site_id must be unique, got north"),
        ({"site_tree": [TREE | {"parent_id": "grid"}]}, "parent_id must name one of the sites"),
    ],
)
def test_sites_that_clash_are_refused(loaded: Load, given: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        loaded(**given)


def test_every_bad_place_is_told_at_once(loaded: Load):
    fleet = [STREETS | {"sites": ["a"]}, STREETS | {"name": "b", "sites": ["b"]}]
    with pytest.raises(ConfigError, match=r"fleet\.0\.sites(.|\n)*fleet\.1\.sites"):
        loaded(fleet=fleet)


def test_a_fleet_without_any_site_is_free(loaded: Load):
    free = loaded(site_tree=(), fleet=[STREETS | {"sites": ["anywhere"]}])
    assert free.portfolio.sites.site_id.tolist() == ["anywhere"]
    assert any("nothing limits" in note for note in free.notes)


SUN = "site_id,time_utc,generation_kw\n" + "".join(
    f"roof,2024-01-{day:02}T{hour:02}:00:00Z,{max(0, 6 - abs(hour - 12))}\n"
    for day in (9, 10, 11)
    for hour in range(24)
)
ROOF = {"site_id": "roof", "demand_charge_per_kw": 2.0}
CAR = {**HOME, "vehicles": 20, "sites": ["roof"]}


def test_generation_stands_beside_the_load_of_its_site(loaded: Load, tmp_path: Path):
    (tmp_path / "sun.csv").write_text(SUN)
    entry = ROOF | {"generation_curtailable": False, "demand_charge_period": "week"}
    entry |= {"demand_peak_kw": 3.5, "demand_charge_peaks": 3}
    made = loaded(site=[entry], site_tree=[], fleet=[CAR], site_generation_file="sun.csv")
    portfolio = made.portfolio
    assert portfolio.generation_kw.max() == 6.0
    assert not portfolio.load_kw.any()
    assert not portfolio.curtailable_kw.any()
    assert portfolio.must_take_load_kw.min() == -6.0
    assert portfolio.time_zone == "Europe/Oslo"
    assert portfolio.sites.demand_charge_period.tolist() == ["week"]
    assert (portfolio.sites.demand_peak_kw[0], portfolio.sites.demand_charge_peaks[0]) == (3.5, 3)
    assert not any("curtailed" in note for note in made.notes)


def test_trees_that_are_generated_have_the_usual_demand_charge_and_may_curtail(loaded: Load):
    sites = loaded(site=[ROOF | {"demand_charge_period": "day"}]).portfolio.sites
    assert sites.demand_charge_period.tolist() == ["day", *["month"] * 9]
    assert sites.generation_curtailable.all()


def test_generation_of_an_unknown_site_is_refused(loaded: Load, tmp_path: Path):
    (tmp_path / "sun.csv").write_text(SUN)
    with pytest.raises(
        InputError, match=r"site_generation: [^-]*- site_id must name one of the sites, got roof"
    ):
        loaded(site_generation_file="sun.csv")


def test_generation_and_negative_load_are_added_and_the_run_says_so(loaded: Load, tmp_path: Path):
    (tmp_path / "sun.csv").write_text(SUN)
    load = SUN.replace("generation_kw", "load_kw").replace("Z,6", "Z,-2")
    (tmp_path / "load.csv").write_text(load)
    given = {"site": [ROOF], "site_tree": [], "fleet": [CAR], "site_load_file": "load.csv"}
    both = loaded(**given, site_generation_file="sun.csv")
    assert both.portfolio.load_kw.min() == -2.0
    assert both.portfolio.generation_kw.max() == 6.0
    note = "Generation and negative load are both given for roof: they are added"
    assert any(text.startswith(note) for text in both.notes)
    alone = "Negative load of roof cannot be curtailed: give it as site_generation if it can."
    assert alone in loaded(**given).notes
    assert alone not in both.notes
