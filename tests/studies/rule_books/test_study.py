"""A study of rule books: what it tells, from its tables, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import EvergridError
from evergrid.studies import rule_books
from tests.markets.test_pjm_score import DATA, needs_data
from tests.studies.rule_books_cases import START_2022, configuration, files

CHOSEN = ["fcr", "afrr_up", "dc_low", "fcr_n", "ffr", "pjm_regulation_one_signal"]
CHOSEN += ["caiso_regulation_up", "nyiso_regulation", "fcas_raise_6s", "pjm_regulation"]
PRICES = [{"product": name, "capacity_per_mw_h": 12.0, "mileage_per_mw": 2.0} for name in CHOSEN]


def run(folder: Path, **changed: Any) -> rule_books.Result:
    files(folder)
    return rule_books.run(parse(rule_books.Config, configuration(**changed)), folder=folder, seed=1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[rule_books.Result, Path]:
    folder = tmp_path_factory.mktemp("rule_books")
    result = run(folder, products=CHOSEN, price=PRICES)
    result.write(folder / "out")
    return result, folder / "out"


def products(out: Path) -> dict[str, dict[str, Any]]:
    rows = pl.read_parquet(out / "products.parquet").to_dicts()
    return {row["product"]: row for row in rows}


def test_the_market_that_sells_most_is_named_with_why_others_sell_less(
    done: tuple[rule_books.Result, Path],
) -> None:
    result, out = done
    s, rows = result.summary, products(out)
    best = max(rows.values(), key=lambda row: row["sold_mwh"])
    assert s["best_product"] == best["product"]
    assert s["best_sold_mwh"] == best["sold_mwh"] > 10.0
    ranked = [entry["sold_mwh"] for entry in s["by_market"]]
    assert ranked == sorted(ranked, reverse=True)
    line = result.console_lines()[0]
    assert "lets this fleet sell most" in line
    assert "others lose most to" in line
    for entry in s["by_market"]:
        row = rows[entry["product"]]
        lost = {cause: row[f"lost_{cause}_mwh"] for cause in ("power", "energy", "block", "size")}
        assert entry["worst_cause"] == max(lost, key=lambda name: lost[name])


def test_products_add_up_from_their_blocks(done: tuple[rule_books.Result, Path]) -> None:
    _, out = done
    blocks = pl.read_parquet(out / "blocks.parquet")
    for name, row in products(out).items():
        of = blocks.filter(pl.col("product") == name)
        assert row["blocks"] == len(of)
        assert row["sold_mwh"] == pytest.approx(float((of["award_mw"] * of["hours"]).sum()))
        assert row["blocks_sold"] == int((of["award_mw"] > 0).sum())


def test_income_is_that_of_each_rule_by_hand(done: tuple[rule_books.Result, Path]) -> None:
    result, out = done
    rows, income = products(out), result.summary["income"]
    mwh = {name: row["sold_mwh"] for name, row in rows.items()}
    for name in ("fcr", "afrr_up", "dc_low", "fcas_raise_6s"):
        assert income[name]["amount"] == pytest.approx(12.0 * mwh[name], abs=0.011)
    assert income["nyiso_regulation"]["amount"] == pytest.approx(
        12.0 * mwh["nyiso_regulation"] * 0.945, abs=0.011
    )
    moved = rows["caiso_regulation_up"]["mileage_per_h"] * mwh["caiso_regulation_up"]
    assert income["caiso_regulation_up"]["amount"] == pytest.approx(
        12.0 * mwh["caiso_regulation_up"], abs=0.011
    )
    assert income["caiso_regulation_up"]["unverified"] == pytest.approx(
        moved * 0.95 * 0.95 * 2.0, rel=1e-3
    )
    one_signal = income["pjm_regulation_one_signal"]
    assert one_signal["amount"] == 0.0  # the era's rules are not confirmed
    assert one_signal["unverified"] == pytest.approx(
        0.95 * 14.0 * mwh["pjm_regulation_one_signal"], rel=1e-3
    )
    assert "pjm_regulation" not in income


def test_lines_of_statements_add_up_to_the_income(done: tuple[rule_books.Result, Path]) -> None:
    result, out = done
    lines = pl.read_parquet(out / "statements.parquet")
    for name, told in result.summary["income"].items():
        amount = lines.filter(pl.col("product") == name)["amount"].sum()
        assert round(100 * amount) == round(100 * (told["amount"] + told["unverified"]))


def test_a_battery_passes_the_tests_and_delivers_what_was_asked(
    done: tuple[rule_books.Result, Path],
) -> None:
    result, out = done
    tests = pl.read_parquet(out / "tests.parquet")
    assert result.summary["tests"] == len(CHOSEN) - 1
    ffr = tests.filter(pl.col("product") == "ffr").to_dicts()[0]
    assert ffr["passed"]
    assert ffr["activation_s"] <= 1.3
    fcr = tests.filter(pl.col("product") == "fcr")
    assert fcr["asked"].to_list() == [1.0, -1.0]
    assert fcr["delivered_mwh"].to_numpy() == pytest.approx(
        fcr["award_mw"].to_numpy() / 4, rel=0.01
    )
    scored = tests.filter(pl.col("product") == "pjm_regulation_one_signal").to_dicts()[0]
    assert scored["score"] > 0.9
    assert (tests["mark"] == "unverified").all()


def test_a_slow_order_fails_the_fast_products(tmp_path: Path) -> None:
    result = run(tmp_path, products=["ffr", "dr_low"], control={"latency_s": 2.0})
    passed = {one.product: one.passed for one in result.findings.tests}
    assert passed == {"ffr": False, "dr_low": True}


def test_every_number_has_its_source(done: tuple[rule_books.Result, Path]) -> None:
    rows = pl.read_parquet(done[1] / "constants.parquet")
    assert set(rows["product"]) == set(CHOSEN)
    assert set(rows["mark"]) == {"verified", "secondary", "unverified"}
    assert not rows["source"].is_null().any()


def test_text_figures_and_page_tell_the_same(done: tuple[rule_books.Result, Path]) -> None:
    result, out = done
    assert len(result.console_lines()) <= 9
    assert set(result.figures()) == {"award_bars", "award_by_hour", "power_by_duration"}
    page = (out / "report.html").read_text()
    for heading in ("Product by product", "Income", "Prequalification", "What is not confirmed"):
        assert heading in page
    notes = " ".join(result.summary["notes"])
    assert "made up" in notes
    assert "not in force on 2026-01-12" in notes
    assert json.loads((out / "summary.json").read_text())["not_in_force"] == ["pjm_regulation"]


def test_ownership_of_energy_makes_lines_of_its_own(tmp_path: Path) -> None:
    own = {"imbalance": "aggregator", "imbalance_per_mwh": 50.0, "grid_fee_per_mwh": 20.0}
    price = [{"product": "fcr", "capacity_per_mw_h": 12.0}]
    given = {"products": ["fcr"], "price": price, "prequalify": False}
    result = run(tmp_path, **given, ownership=own)
    lines = {row["item"]: row["amount"] for row in result.tables["statements"].to_dicts()}
    row = result.tables["products"].to_dicts()[0]
    assert lines["imbalance"] == pytest.approx(50 * (row["fed_mwh"] - row["drawn_mwh"]), abs=0.011)
    assert lines["grid fee"] == pytest.approx(-20 * row["drawn_mwh"], abs=0.011)
    relieved = run(tmp_path, **given, ownership=own | {"grid_fee": "net_drawn"})
    more = {line["item"]: line["amount"] for line in relieved.tables["statements"].to_dicts()}
    assert more["grid fee relieved"] == pytest.approx(
        20 * min(row["fed_mwh"], row["drawn_mwh"]), abs=0.011
    )


@needs_data
def test_real_prices_pay_each_hour_of_its_own_price(tmp_path: Path) -> None:
    market = DATA / "pjm_regulation_clearing_hourly_2022-07.csv"
    entry = {"product": "pjm_regulation", "file": str(market), "format": "pjm_regulation"}
    files(tmp_path, START_2022)
    result = rule_books.run(
        parse(
            rule_books.Config,
            configuration(
                horizon={"start": "2022-07-12T00:00:00Z", "days": 1, "step_min": 60},
                products=["pjm_regulation"],
                price_file=[entry | {"mileage_ratio": 5.5}],
                prequalify=False,
            ),
        ),
        folder=tmp_path,
        seed=1,
    )
    prices = {
        row["time_begin_utc"][:13].replace(" ", "T"): float(row["reg_ccp"])
        + 5.5 * float(row["reg_pcp"])
        for row in pl.read_csv(market).to_dicts()
    }
    blocks = result.tables["blocks"].to_dicts()
    assert len(blocks) == 24
    expected = sum(
        0.95 * row["award_mw"] * prices[f"{row['time_utc']:%Y-%m-%dT%H}"] for row in blocks
    )
    assert result.summary["income"]["pjm_regulation"]["amount"] == pytest.approx(
        expected, abs=0.011
    )


def test_a_fleet_below_every_least_size_says_so(tmp_path: Path) -> None:
    one = {"place": "home", "vehicles": 2, "sites": ["a"], "time_zone": "UTC"}
    result = run(tmp_path, fleet=[one], battery=[], products=["fcr", "dc_low"], prequalify=False)
    assert "below every least size" in result.console_lines()[0]
    assert result.summary["best_sold_mwh"] == 0.0


BAD = [
    ({"products": ["fcrr"]}, "fcr"),
    ({"products": ["fcr", "fcr"]}, "be unique"),
    ({"price": [{"product": "fcr"}]}, "capacity_per_mw_h"),
    ({"price_file": [{"product": "fcr", "file": "x.csv"}]}, "format"),
    (
        {
            "price": [{"product": "fcr", "capacity_per_mw_h": 1.0}],
            "price_file": [{"product": "fcr", "file": "x.csv", "format": "pjm_regulation"}],
        },
        "be unique",
    ),
    (
        {"price_file": [{"product": "fcas_raise_6s", "file": "x.csv", "format": "aemo"}]},
        "NSW1",
    ),
    ({"price": [{"product": "dcc", "capacity_per_mw_h": 1.0}]}, "known product"),
    ({"signal": {"file": "none.csv"}}, "none.csv"),
    ({"frequency": {"file": "none.csv"}}, "none.csv"),
    ({"expected_score": 95}, "expected_score"),
    ({"ownership": {"imbalance": "nobody"}}, "imbalance"),
    ({"control": {"latency_s": 9}}, "latency_s"),
]


@pytest.mark.parametrize(("changed", "said"), BAD)
def test_what_makes_no_sense_is_refused_with_its_field(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvergridError) as caught:
        run(tmp_path, **changed)
    assert said in str(caught.value)
