"""Which site is at which load: by name, by place or new; and what is refused, with its way out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, EvergridError, InputError, MissingFileError
from evergrid.core.timegrid import TimeGrid
from evergrid.grid.limits.limits import Limits
from evergrid.inputs.feeder import sites as feeder_sites
from evergrid.inputs.feeder.sites import ROOT, FeederSites, PlanFeeder
from evergrid.model.portfolio import Portfolio
from tests.model.cases import DAY, make_prices, make_sessions, make_sites
from tests.studies.feeder_cases import HOMES, planned


def street(grid: TimeGrid = DAY, time_zone: str = "UTC", **given: Any) -> FeederSites:
    """The built-in feeder over a day."""
    return feeder_sites.read(parse(PlanFeeder, given), grid, time_zone, Path.cwd())


@pytest.fixture(scope="module")
def plain() -> FeederSites:
    return street()


def test_every_load_is_a_new_site_below_the_root_where_none_is_listed(plain: FeederSites):
    columns = plain.sites([])
    assert columns["site_id"].tolist() == [ROOT, *plain.loads.name]
    assert columns["parent_id"].tolist() == ["", *[ROOT] * len(plain.loads)]
    assert np.isinf(columns["import_limit_kw"]).all()


def test_a_listed_site_of_a_loads_name_takes_its_place_whatever_the_case(plain: FeederSites):
    at = plain.site_at(["675A", "yard", "feeder"])
    row = plain.loads.name.tolist().index("675a")
    assert at[row] == "675A"
    assert "yard" not in at
    assert plain.sites(["675A", "yard"])["site_id"].tolist() == [
        ROOT,
        *(name for name in plain.loads.name if name != "675a"),
    ]
    assert ROOT not in plain.sites(["feeder"])["site_id"]


def test_a_placed_site_leaves_the_load_of_its_own_name():
    swapped = street(
        place=[{"site_id": "671", "load": "675A"}, {"site_id": "depot", "load": "671"}]
    )
    at = dict(zip(swapped.loads.name, swapped.site_at(["671", "depot"]), strict=True))
    assert (at["675a"], at["671"], at["652a"]) == ("671", "depot", "652a")


def test_loads_draw_what_the_files_say_times_shape_and_share():
    whole, half = street(load={"shape": "flat"}), street(load={"shape": "flat", "share": 0.5})
    by_name = dict(zip(whole.loads.name, whole.load_kw, strict=True))
    assert by_name["671"] == pytest.approx(np.full(24, 1155.0))
    assert by_name["675b"] == pytest.approx(np.full(24, 68.0))
    np.testing.assert_allclose(half.load_kw, whole.load_kw / 2)


def test_loads_follow_the_local_clock(plain: FeederSites):
    far = street(time_zone="Asia/Tokyo")
    np.testing.assert_allclose(far.load_kw, np.roll(plain.load_kw, -9, axis=1))
    assert plain.load_kw.sum(axis=0).argmax() == 19  # the evening peak


def test_load_is_given_only_where_no_other_is(plain: FeederSites):
    load = plain.site_load(DAY, [], given={"671", "652a"})
    assert set(load.site_id) == set(plain.loads.name) - {"671", "652a"}
    assert load.load_kw.shape == (len(plain.loads) - 2, 24)


def portfolio(plain: FeederSites, more: dict[str, str], **of_sites: dict[str, float]) -> Portfolio:
    """A site at each load of the feeder and more below, with sessions at the last of these."""
    sites = make_sites({ROOT: ""} | dict.fromkeys(plain.loads.name, ROOT) | more)
    nothing = np.zeros((len(sites), DAY.steps))
    load, generation = (
        nothing
        + np.array([of_sites.get(name, {}).get(site, 0.0) for site in sites.site_id])[:, None]
        for name in ("load_kw", "generation_kw")
    )
    return Portfolio(
        grid=DAY,
        sessions=make_sessions(2, site_id=[list(sites.site_id)[-1]] * 2),
        sites=sites,
        step_import_limit_kw=nothing + np.inf,
        step_export_limit_kw=nothing + np.inf,
        prices=make_prices(),
        load_kw=load,
        generation_kw=generation,
    )


@pytest.mark.parametrize("row", [0, 1, -1])
def test_sites_below_a_load_are_at_that_load_however_deep(plain: FeederSites, row: int):
    load = plain.loads.name[row]
    below = {"yard": load, "hall": "yard", "depot": "hall"}
    wiring = plain.connections(portfolio(plain, below))
    expected = [-1, *range(len(plain.loads)), *[row % len(plain.loads)] * 3]
    assert wiring.place.tolist() == expected
    assert wiring.site.tolist() == list(range(1, len(plain.loads) + 1))


@pytest.mark.parametrize("row", [0, 1, -1])
def test_a_load_is_not_below_another_however_deep(plain: FeederSites, row: int):
    above = plain.loads.name[row]
    below = plain.loads.name[row - 1]
    with pytest.raises(InputError, match=f"below another site that is, got {below}"):
        plain.connections(portfolio(plain, {"yard": above, below: "yard"}))


@pytest.mark.parametrize("series", ["load_kw", "generation_kw"])
def test_load_or_generation_of_the_root_alone_is_at_no_load(plain: FeederSites, series: str):
    idle = {"depot": plain.loads.name[0]}
    assert plain.connections(portfolio(plain, idle)).place[0] == -1
    used = portfolio(plain, idle, **{series: {ROOT: 5.0}})
    with pytest.raises(InputError, match=f"be connected to the feeder.* got {ROOT}"):
        plain.connections(used)


SITES = [{"site_id": "depot"}]
FLEET = [HOMES | {"sites": ["depot"], "vehicles": 2}]


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        (
            {"feeder": {"place": [{"site_id": "depot", "load": "672"}]}},
            ConfigError,
            r"feeder\.place\.0\.load must be a load of the feeder, got 672\. Did you mean 671\?",
        ),
        (
            {"feeder": {"place": [{"site_id": "depo", "load": "671"}]}},
            ConfigError,
            r"feeder\.place\.0\.site_id must be a site, got depo\. Did you mean depot\?",
        ),
        (
            {
                "feeder": {
                    "place": [
                        {"site_id": "depot", "load": "671"},
                        {"site_id": "yard", "load": "671"},
                    ]
                },
                "site": [*SITES, {"site_id": "yard"}],
            },
            ConfigError,
            r"feeder\.place\.load must be placed once, got 671\. Put what shares a load at sites",
        ),
        (
            {
                "feeder": {
                    "place": [
                        {"site_id": "depot", "load": "671"},
                        {"site_id": "depot", "load": "652a"},
                    ]
                }
            },
            ConfigError,
            r"feeder\.place\.site_id must be placed once, got depot",
        ),
        (
            {"site": [*SITES, {"site_id": "671"}, {"site_id": "675a", "parent_id": "671"}]},
            InputError,
            r"must not be connected to the feeder below another site that is, got 675a\. Leave",
        ),
        (
            {},
            InputError,
            r"must be connected to the feeder, .* got depot\. .*an entry in \[\[feeder\.place\]\]",
        ),
        (
            {"horizon": {"start": "2024-01-10", "days": 7, "step_min": 35}},
            InputError,
            r"step_min must divide a day where the plan has a feeder, got 35\. Choose a length",
        ),
        (
            {"feeder": {"limits": {"low_pu": 1.05, "high_pu": 0.95}}},
            InputError,
            r"high_pu must lie above low_pu, got 0\.95\. Give per unit",
        ),
        (
            {"feeder": {"file": "gone.dss"}},
            MissingFileError,
            r"there is no file .*gone\.dss\. Name the feeder's master \.dss file",
        ),
        (
            {"fleet": [HOMES | {"sites": ["feeder/loads"]}]},
            ConfigError,
            r"fleet\.0\.sites must .*feeder/load of a \[feeder\], got feeder/loads\. Did you mean "
            r"feeder/load\?",
        ),
        (
            {"site": [*SITES, {"site_id": "feeder/load"}]},
            ConfigError,
            r"site_id must not be the name of a level, got feeder/load\. .*choose another name",
        ),
        (
            {"feeder": {"load": {"shape": "evning"}}},
            ConfigError,
            r"feeder\.load\.shape must be 'evening', 'flat' or 'feeder', got evning",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_field_rule_value_and_way_out(
    tmp_path: Path, changed: dict[str, Any], error: type[EvergridError], said: str
):
    given_tables = {"site": SITES, "fleet": FLEET, "feeder": {}} | changed
    with pytest.raises(error, match=said):
        planned(tmp_path, **given_tables)


def test_limits_are_those_that_were_written():
    made = street(limits={"low_pu": 0.93, "transformer": 1.3})
    assert made.limits == Limits(low_pu=0.93, transformer=1.3)


def test_load_at_a_site_that_hangs_nowhere_is_refused(tmp_path: Path):
    (tmp_path / "load.csv").write_text(
        "site_id,time_utc,load_kw\n"
        + "".join(f"pump,2024-01-10T{hour:02}:00:00Z,5\n" for hour in range(24))
    )
    with pytest.raises(InputError, match=r"must be connected to the feeder.* got pump"):
        planned(tmp_path, site=[{"site_id": "pump"}], site_load_file="load.csv")


def test_load_that_is_given_takes_the_place_of_the_feeders(tmp_path: Path):
    (tmp_path / "load.csv").write_text(
        "site_id,time_utc,load_kw\n"
        + "".join(f"671,2024-01-10T{hour:02}:00:00Z,{hour}\n" for hour in range(24))
    )
    fleet = [HOMES | {"vehicles": 3, "sites": ["652a"]}]
    result = planned(tmp_path, fleet=fleet, site_load_file="load.csv")
    portfolio = result.findings.inputs.portfolio
    assert portfolio.load_kw[portfolio.sites.site_id == "671"][0].tolist() == list(range(24))
    assert result.findings.feeder is not None
    base = result.findings.feeder.checks["v2g"].limits.case.base_kw
    at_671 = result.findings.feeder.feeder_sites.feeder.branches.name == "671"
    np.testing.assert_allclose(-base[at_671].sum(axis=0), np.arange(24.0))
