"""Bad data and bad settings: a clear message, the right exit code, and nothing written."""

import polars as pl
import pytest

from tests.cli.cases import PLAN, Case, Command

BAD_ROWS = [
    ("T00:00:00Z,2024", "T21:00:00Z,2024", "departure_utc must be after arrival_utc", "s1 (row 1)"),
    ("car-2", "car-1", "arrival_utc must not begin before the asset's previous", "s2 (row 2)"),
    ("s2,", "s1,", "session_id must be unique", "got s1 (row 2)"),
    (",40,10", ",nan,10", "capacity_kwh must be a number", "nan (row 2)"),
    (",40,10", ",,10", "capacity_kwh must not be empty", "(row 2)"),
    (",40,10", ",forty,10", "capacity_kwh must be a number", "got forty (row 2)"),
    (",40,10", ",-40,10", "capacity_kwh must be above 0 and", "-40 for s2 (row 2)"),
    (",40,10", ",40,41", "energy_arrival_kwh must be in [0, capacity_kwh]", "41 for s2 (row 2)"),
    (",7,7,", ",7,-7,", "max_discharge_kw must be at least 0 and", "-7 for s2 (row 2)"),
    (
        ",7,7,",
        ",inf,7,",
        "max_charge_kw must be at least 0 and at most 1e+09 kW",
        "inf for s2 (row 2)",
    ),
    ("0.90", "1.01", "efficiency_charge must be in (0, 1]", "1.01 for s2 (row 2)"),
    ("2024-01-10T03:10:00Z", "2024-01-10T03:10:00", "with a time zone", "03:10:00 (row 2)"),
    ("2024-01-10T03:10:00Z", "2024-02-30T03:10:00Z", "ISO 8601", "02-30T03:10:00Z (row 2)"),
    ("car-2,depot", "car-2,depto", "site_id must name one of the sites", "depto for s2 (row 2)"),
    ("energy_reserve_kwh", "energy_reserv_kwh", "energy_reserve_kwh must be a column", "Rename"),
]
RISING = [
    ("-0.01", "wear_rise_per_kwh_per_kw must be at least 0 and at most 1e+09, got -0.01 for s2"),
    (
        "inf",
        "wear_rise_per_kwh_per_kw must be at least 0 and at most 1e+09, got inf for s2 (row 2)",
    ),
    ("nan", "wear_rise_per_kwh_per_kw must be a number, got nan (row 2)"),
    ("", "wear_rise_per_kwh_per_kw must not be empty"),
]
BUDGETS = [
    ("-5", "energy_budget_kwh must be at least 0 kWh, got -5 for depot (row 1)"),
    ("nan", "energy_budget_kwh must be a number, got nan (row 1)"),
    ("much", "energy_budget_kwh must be a number, got much (row 1)"),
]

BAD_PRICES = [
    ("2024-01-10T05:00:00Z", "2024-01-10T04:00:00Z", "time_utc must not repeat", "(row 6)"),
    ("2024-01-10T05:00:00Z", "2024-01-10T05:30:00Z", "time_utc must follow the row", "(row 6)"),
    ("2024-01-10T05:00:00Z", "2024-01-10T05:00:00", "with a time zone", "(row 6)"),
    ("Z,120.00,", "Z,nan,", "import_price_per_mwh must be a number", "nan (row 1)"),
    ("Z,120.00,", "Z,,", "import_price_per_mwh must not be empty", "(row 1)"),
    ("2024-01-10T23", "2024-01-12T23", "time_utc must", "2024-01-1"),
]

BAD_SETTINGS = [
    ("step_min", "step_minn", "horizon.step_minn must be a known key", "Did you mean step_min?"),
    ("import_limit_kw", "import_limit_kv", "site.0.import_limit_kv must be", "import_limit_kw?"),
    ("[horizon]", "[horizonn]", "horizonn must be a known key", "Did you mean horizon?"),
    ("[prices]", "[price]", "prices must be given", "Did you mean prices?"),
    ("= 15", "= -15", "site.0.import_limit_kw must be greater than or equal to 0", "got -15"),
    ("= 15", "= nan", "site.0.import_limit_kw must be a finite number", "got nan"),
    ("= 15", "= 15\nenergy_budget_kwh = -5", "energy_budget_kwh must be greater than", "got -5"),
    ("= 15", "= 15\nenergy_budget_kwh = nan", "energy_budget_kwh must be a finite number", "nan"),
    ("= 15", "= 15\nenergy_budget_kw = 5", "energy_budget_kw must be", "energy_budget_kwh?"),
    ("[horizon]", "[assumptions]\nwear_rise_per_kwh_per_kw = -1\n[horizon]", "wear_rise", "got -1"),
    ("= 15", '= "much"', "site.0.import_limit_kw must be a number, without quotes", "much"),
    ("= 15", "= true", "site.0.import_limit_kw must be a number, not true or false", "got True"),
    ("= 60", "= 7", "horizon.days must hold a whole number of steps of 7 min", "got 1"),
    (
        '"2024-01-10"',
        '"2024-01-10T00:00"',
        "horizon.start must carry a time zone",
        "Add the offset",
    ),
    ('"2024-01-10"', '"9999-12-31"', "horizon.start must lie", "9999-12-31"),
    ('"2024-01-10"', '"tomorrow"', "horizon.start must be a date or a time stamp", "tomorrow"),
    ('"plan"', '"plann"', "study must be a known study", "Did you mean plan?"),
    ('study = "plan"', "", "study must be given", 'study = "plan"'),
    ("study", "[study", "file must be TOML", "line 1"),
    ('"prices.csv"', '"prices.csv"\nformat = "tabel"', "known format", "Did you mean table?"),
    ('"prices.csv"', '"prices.csv"\nshift_weeks = 9999999999999999999', "shift_weeks", "5200"),
    ('"prices.csv"', '"gone.csv"', "there is no file", "gone.csv"),
]

TREE = """
[[site_tree]]
name = "city"
[[site_tree.level]]
name = "feeder"
count = 3
[[site_tree.level]]
name = "street"
count = 4
import_limit_kw_per_vehicle = 3
[[fleet]]
place = "home"
vehicles = 5
sites = ["city/street"]
time_zone = "UTC"
"""
BAD_TREES = [
    ("city/street", "city/stret", "fleet.0.sites must name sites, or a level", "city/street?"),
    ("city/street", "city/street-1", "got city/street-1", "Did you mean city/street"),
    ("city/street", "city/*", "fleet.0.sites must name sites, or a level", "got city/*"),
    ('"feeder"', '"a/b"', "site_tree.0.level.0.name must be printable text", "got a/b"),
    ('"feeder"', '"street"', "site_tree.0.level.name must be unique", "got street"),
    ('"city"', '"depot"', "fleet.0.sites must name", "got city/street"),
    ("count = 3", "count = -3", "level.0.count must be greater than or equal to 1", "got -3"),
    ("count = 3", "count = 1e9", "level.0.count must be less than or equal", "1000000"),
    ("count = 3", "count = 900000", "level.count must make 1,000,000 sites at most", "4500001"),
    ("count = 3", "counts = 3", "level.0.counts must be a known key", "Did you mean count?"),
    ("_vehicle = 3", "_vehicle = nan", "import_limit_kw_per_vehicle must be a finite", "nan"),
    ("_vehicle = 3", '_vehicle = 3\nparent = "fedder"', "parent must name a level", "feeder"),
    ('"city"\n[', '"city"\nlevels = 2\n[', "site_tree.0.levels must be a known key", "level?"),
]


@pytest.mark.parametrize(("old", "new", "rule", "place"), BAD_ROWS)
def test_a_bad_session_is_refused_with_field_rule_value_and_row(
    case: Case, evergrid: Command, old: str, new: str, rule: str, place: str
):
    case.change("sessions.csv", old, new, count=1)
    assert_refused(case, evergrid, 1, rule, place)


@pytest.mark.parametrize(("rise", "rule"), RISING)
def test_a_wear_that_cannot_rise_so_is_refused(case: Case, evergrid: Command, rise: str, rule: str):
    case.change(
        "sessions.csv", "wear_cost_per_kwh\n", "wear_cost_per_kwh,wear_rise_per_kwh_per_kw\n"
    )
    case.change("sessions.csv", "0.94,0.02", "0.94,0.02,0")
    case.change("sessions.csv", "0.92,0.01", f"0.92,0.01,{rise}")
    case.change("sessions.csv", "0.95,0.02", "0.95,0.02,0")
    assert_refused(case, evergrid, 1, rule)


@pytest.mark.parametrize(("budget", "rule"), BUDGETS)
def test_an_energy_budget_that_is_none_is_refused(
    case: Case, evergrid: Command, budget: str, rule: str
):
    sites = "site_id,parent_id,import_limit_kw,export_limit_kw,energy_budget_kwh\n"
    (case.folder / "sites.csv").write_text(f"{sites}depot,,15,,{budget}\n")
    own = '[[site]]\nsite_id = "depot"\nimport_limit_kw = 15\n'
    case.change("plan.toml", own, "")
    case.change("plan.toml", "[horizon]", 'sites_file = "sites.csv"\n[horizon]')
    assert_refused(case, evergrid, 1, rule)


@pytest.mark.parametrize(("old", "new", "rule", "place"), BAD_PRICES)
def test_a_bad_price_is_refused_with_field_rule_value_and_row(
    case: Case, evergrid: Command, old: str, new: str, rule: str, place: str
):
    case.change("prices.csv", old, new, count=1)
    assert_refused(case, evergrid, 1, rule, place)


@pytest.mark.parametrize(("old", "new", "rule", "place"), BAD_SETTINGS)
def test_a_bad_setting_is_wrong_use(
    case: Case, evergrid: Command, old: str, new: str, rule: str, place: str
):
    case.change("plan.toml", old, new, count=1)
    assert_refused(case, evergrid, 2, rule, place)


@pytest.mark.parametrize(("old", "new", "rule", "place"), BAD_TREES)
def test_a_bad_tree_of_sites_is_wrong_use(
    case: Case, evergrid: Command, old: str, new: str, rule: str, place: str
):
    case.change("plan.toml", PLAN, PLAN + TREE)
    case.change("plan.toml", old, new, count=1)
    assert_refused(case, evergrid, 2, rule, place)


def test_a_cycle_of_sites_is_refused(case: Case, evergrid: Command):
    case.change("plan.toml", '"depot"', '"depot"\nparent_id = "depot"')
    assert_refused(case, evergrid, 1, "parent_id must not lead back", "for depot (row 1)")


def test_every_fault_is_told_at_once(case: Case, evergrid: Command):
    for old, new in ((",40,10", ",-40,10"), ("0.90", "90"), ("s3,", "s1,")):
        case.change("sessions.csv", old, new)
    message = assert_refused(case, evergrid, 1, "capacity_kwh", "efficiency_charge")
    assert "session_id must be unique, got s1 (row 3)" in message


def test_an_empty_fleet_is_refused(case: Case, evergrid: Command):
    header = (case.folder / "sessions.csv").read_text().splitlines()[0]
    (case.folder / "sessions.csv").write_text(header + "\n")
    assert_refused(case, evergrid, 1, "session", "")


def test_a_fleet_of_another_year_is_refused(case: Case, evergrid: Command):
    case.change("plan.toml", '"sessions.csv"', '"sessions.csv"\nshift_weeks = 52')
    assert_refused(case, evergrid, 1, "touch at least one session", "shift_weeks")


def test_a_configuration_without_any_fleet_is_wrong_use(case: Case, evergrid: Command):
    case.change("plan.toml", '[sessions]\nfile = "sessions.csv"\n', "")
    assert_refused(case, evergrid, 2, "sessions must be given", "[[fleet]] or a [[battery]]")


@pytest.mark.parametrize("kept", [0, 3, 40, -1])
@pytest.mark.parametrize("name", ["sessions", "prices"])
def test_a_truncated_parquet_file_is_refused(case: Case, evergrid: Command, name: str, kept: int):
    path = case.folder / f"{name}.parquet"
    pl.read_csv(case.folder / f"{name}.csv").write_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    case.change("plan.toml", f"{name}.csv", f"{name}.parquet")
    assert_refused(case, evergrid, 1, f"{name}.parquet", "")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"time_utc\n", b"PK\x03\x04"])
def test_a_file_that_is_no_table_is_refused(case: Case, evergrid: Command, content: bytes):
    (case.folder / "prices.csv").write_bytes(content)
    assert_refused(case, evergrid, 1, "price", "")


@pytest.mark.parametrize("name", ["sessions.csv", "prices.csv", "plan.toml"])
def test_a_folder_in_the_place_of_a_file_is_refused(case: Case, evergrid: Command, name: str):
    (case.folder / name).unlink()
    (case.folder / name).mkdir()
    assert_refused(case, evergrid, 2, "there is no", name)


def test_energy_that_cannot_be_delivered_is_named_and_the_rest_served(
    case: Case, evergrid: Command
):
    case.change("sessions.csv", "2024-01-10T20:00:00Z,60,30,50", "2024-01-10T01:00:00Z,60,30,50.45")
    ended = evergrid("run", case.plan, "--out", case.folder / "out")
    assert ended.code == 0
    assert "worst s1 by 10.0 kWh" in ended.out  # 50.45 owed, 30 there, 11 kW x 0.95 for one hour
    assert "its charger's rating and the length of its stay" in ended.out


def test_energy_that_a_site_cannot_deliver_names_the_site(case: Case, evergrid: Command):
    case.change("plan.toml", "= 15", "= 1")
    ended = evergrid("run", case.plan, "--out", case.folder / "out")
    assert ended.code == 0
    assert "the import limit of site depot" in ended.out


def test_energy_that_a_budget_does_not_allow_names_the_site(case: Case, evergrid: Command):
    case.change("plan.toml", "= 15", "= 15\nenergy_budget_kwh = 40")
    ended = evergrid("run", case.plan, "--out", case.folder / "out")
    assert ended.code == 0
    assert "the energy budget of site depot" in ended.out
    assert "depot draws 40.0 of 40.0 kWh" in ended.out


def test_a_load_beyond_its_energy_budget_is_told_with_the_site_and_kwh(
    case: Case, evergrid: Command
):
    load = "".join(f"depot,2024-01-10T{hour:02d}:00:00Z,10\n" for hour in range(24))
    (case.folder / "load.csv").write_text("site_id,time_utc,load_kw\n" + load)
    case.change("plan.toml", "[horizon]", 'site_load_file = "load.csv"\n[horizon]')
    case.change("plan.toml", "= 15", "= 50\nenergy_budget_kwh = 100")
    ended = evergrid("run", case.plan, "--out", case.folder / "out")
    assert ended.code == 0
    case.change("plan.toml", "[horizon]", '[solve]\non_shortfall = "error"\n[horizon]')
    message = evergrid("run", case.plan, "--out", case.folder / "other").refused(1)
    assert "energy_budget_kwh must be at least 240.0 kWh" in message
    assert "got 100 for depot" in message
    assert "Raise the budget or lower the load." in message


@pytest.mark.parametrize(
    ("name", "old", "new", "cause"),
    [
        (
            "sessions.csv",
            "10T20:00:00Z",
            "10T01:00:00Z",
            "short by 9.55 kWh because of its charger",
        ),
        ("plan.toml", "= 15", "= 1", "the import limit of site depot"),
        (
            "plan.toml",
            "= 15",
            "= 15\nenergy_budget_kwh = 10",
            "the energy budget of site depot",
        ),
    ],
)
def test_a_shortfall_is_an_error_where_the_user_wants_it(
    case: Case, evergrid: Command, name: str, old: str, new: str, cause: str
):
    case.change(name, old, new)
    case.change("plan.toml", "[horizon]", '[solve]\non_shortfall = "error"\n[horizon]')
    message = assert_refused(case, evergrid, 1, "energy_departure_kwh must be reachable", cause)
    assert "for s1" in message


def assert_refused(case: Case, evergrid: Command, code: int, *parts: str):
    before = case.files()
    message = evergrid("run", case.plan, "--out", case.folder / "out").refused(code)
    for part in parts:
        assert part in message
    assert case.files() == before
    return message
