"""Words of a plan for what it costs and which limits leave sessions short."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from evergrid.report.page import Section, Table
from evergrid.studies.plan import service


@pytest.mark.parametrize(
    ("money", "text"),
    [(-0.0, "0.00"), (-0.004, "0.00"), (-0.006, "-0.01"), (1234.5, "1,234.50")],
)
def test_money_that_rounds_to_nothing_has_no_sign(money: float, text: str):
    assert service.amount(money) == text


def test_limits_of_sites_that_leave_sessions_short_are_counted_and_chargers_are_not():
    causes = ["the import limit of site a"] * 2 + ["the energy budget of site b"]
    causes += ["its charger's rating and the length of its stay"] * 5
    told = service.short_line({"shortfalls": [{"limit": cause} for cause in causes]})
    assert told == "2 sessions short by the import limit of site a, others by 1 more limit"
    assert service.short_line({"shortfalls": [{"limit": causes[-1]}]}) == ""


def rows_of(section: Section) -> Sequence[Sequence[str]]:
    assert isinstance(section.content, Table)
    return section.content.rows


def strategy(**changed: Any) -> dict[str, Any]:
    """What a plan's summary holds of a strategy."""
    made = {"cost": 10.0, "cash": 9.0, "wear": 1.0, "energy_left": 0.0, "served_share": 1.0}
    made |= {"shortfall_kwh": 0.0, "sessions_short": 0, "curtailed_kwh": 0.0}
    made |= {"peak_import_kw": 11.0, "same_service": True, "overloads": [], "overdrafts": []}
    return made | changed


def overload(kw: float, kwh: float, site_id: str = "home", steps: int = 2) -> dict[str, Any]:
    where = {"site_id": site_id, "limit": "import", "steps": steps}
    return where | {"worst_kw": kw, "excess_kwh": kwh}


def summary(base: Mapping[str, Any], best: Mapping[str, Any]) -> dict[str, Any]:
    """A summary of uncontrolled charging and V2G."""
    cost = {"uncontrolled": base["cost"], "v2g": best["cost"]}
    return {"strategies": {"uncontrolled": base, "v2g": best}, "cost": cost, "currency": "EUR"}


@pytest.mark.parametrize(
    ("base", "best", "told"),
    [
        ({}, {}, ""),
        ({"shortfall_kwh": 2.0}, {"shortfall_kwh": 2.0 + 1e-9}, ""),
        (
            {"shortfall_kwh": 1234.56},
            {"shortfall_kwh": 2.0},
            "leaves 1,234.6 kWh unserved where V2G leaves 2.0",
        ),
        (
            {"overloads": [overload(2.0, 3.0), overload(1.0, 0.5)]},
            {"overdrafts": [{"excess_kwh": 1.0}]},
            "exceeds limits by 3.5 kWh where V2G does by 1.0",
        ),
        (
            {"shortfall_kwh": 1.0, "overloads": [overload(2.0, 3.0)]},
            {},
            "leaves 1.0 kWh unserved where V2G leaves 0.0 and exceeds limits by 3.0 kWh where V2G "
            "does by 0.0",
        ),
    ],
)
def test_what_is_left_undone_is_told_where_it_differs(
    base: dict[str, Any], best: dict[str, Any], told: str
):
    assert service.undone(summary(strategy(**base), strategy(**best))) == told


@pytest.mark.parametrize(
    ("base", "best", "line", "card"),
    [
        ({}, {"cost": 7.5}, "2.50 EUR (25.0 %)", ("Saving", "against uncontrolled charging")),
        (
            {"cost": 0.0},
            {"cost": -1.0},
            "1.00 EUR",
            ("Saving", "against uncontrolled charging"),
        ),
        (
            {"same_service": False, "shortfall_kwh": 5.0},
            {},
            "no like service: 0.00 EUR against uncontrolled, which leaves 5.0 kWh unserved where "
            "V2G leaves 0.0",
            ("Cost difference", "no like service: leaves 5.0 kWh unserved where V2G leaves 0.0"),
        ),
        (
            {},
            {"shortfall_kwh": 5.0},
            "no like service: 0.00 EUR against uncontrolled, which leaves 0.0 kWh unserved where "
            "V2G leaves 5.0",
            ("Cost difference", "no like service: leaves 0.0 kWh unserved where V2G leaves 5.0"),
        ),
        (
            {},
            {"overloads": [overload(1.0, 2.0)]},
            "no like service: 0.00 EUR against uncontrolled, which exceeds limits by 0.0 kWh where "
            "V2G does by 2.0",
            ("Cost difference", "no like service: exceeds limits by 0.0 kWh where V2G does by 2.0"),
        ),
    ],
)
def test_a_difference_is_a_saving_only_where_the_service_is_alike(
    base: dict[str, Any], best: dict[str, Any], line: str, card: tuple[str, str]
):
    told = summary(strategy(**base), strategy(**best))
    assert service.saving_line(told) == line
    made = service.saving_card(told, "2.50")
    assert (made.label, made.hint) == card
    assert (made.value, made.unit) == ("2.50", "EUR")


def test_a_plan_that_violates_limits_of_the_feeder_saves_nothing():
    steps = {"uncontrolled": 1, "v2g": 16}
    told = summary(strategy(), strategy(cost=1.0))
    told |= {"feeder": {"holds": False, "steps_violated": steps}}
    said = "violates limits of the feeder in 1 step where V2G does in 16"
    assert service.saving_line(told) == (
        f"no like service: 9.00 EUR against uncontrolled, which {said}"
    )
    assert service.saving_card(told, "9.00").label == "Cost difference"
    assert "violates limits of the feeder" in service.strategies(told).text
    told["feeder"]["holds"] = True
    assert service.saving_line(told) == "9.00 EUR (90.0 %)"


def test_a_cost_is_split_where_not_all_of_it_is_cash():
    base = strategy()
    assert service.split(summary(base, strategy(wear=0.0))) == ""
    parts = strategy(cash=3.0, wear=0.25, energy_left=-1.5)
    told = " (cash 3.00, wear 0.25, energy left -1.50)"
    assert service.split(summary(base, parts)) == told


def test_limits_that_are_exceeded_are_told_the_worst_first():
    budget = {"site_id": "depot", "excess_kwh": 12.0}
    none = {"overloads": [], "overdrafts": []}
    assert service.limits_line(none) == ""
    both = {"overloads": [overload(2.0, 9.0), overload(3.5, 1.0, "yard", 4)]}
    both |= {"overdrafts": [budget, budget | {"excess_kwh": 3.0}]}
    assert service.limits_line(both) == (
        "import limit of yard exceeded by up to 3.50 kW in 4 steps, budget of depot by 12.0 kWh, "
        "and 2 more, by load or generation alone"
    )
    alone = service.limits_line(none | {"overdrafts": [budget]})
    assert alone == "budget of depot by 12.0 kWh, by load or generation alone"


def test_curtailment_is_told_as_a_share_of_what_is_generated_and_by_site():
    assert service.curtailment_line({"curtailment": []}) == ""
    assert service.curtailment({"curtailment": []}) == []
    sites = [("a", 30.0, 3.0), ("b", 10.0, 5.0)]
    names = ("site_id", "generation_kwh", "curtailed_kwh")
    told = {"curtailment": [dict(zip(names, row, strict=True)) for row in sites]}
    told |= {"curtailed_kwh": 8.0}
    assert service.curtailment_line(told) == "8.0 of 40.0 kWh generated (20.0 %)"
    (section,) = service.curtailment(told)
    assert rows_of(section) == [("b", "10.0", "5.0", "50.0"), ("a", "30.0", "3.0", "10.0")]
    many = {"curtailment": [dict(zip(names, ("a", 1.0, 0.5), strict=True))] * 201}
    (section,) = service.curtailment(many)
    assert len(rows_of(section)) == 200
    assert section.text.endswith("The 200 that curtail most are shown.")


def test_strategies_stand_side_by_side_with_what_each_leaves_undone():
    base = strategy(
        served_share=0.875, shortfall_kwh=4.0, sessions_short=2, same_service=False,
        overloads=[overload(1.5, 2.0), overload(2.5, 0.25)], overdrafts=[{"excess_kwh": 1.0}],
    )  # fmt: skip
    section = service.strategies(summary(base, strategy(curtailed_kwh=7.0)))
    short, full = rows_of(section)
    assert short[1:] == (
        "10.00", "9.00", "1.00", "0.00", "87.50", "4.00", "2", "3.25", "2.50", "0.0", "11.0"
    )  # fmt: skip
    assert full[5:] == ("100.00", "0.00", "0", "0.00", "0.00", "7.0", "11.0")
    assert "cannot be compared" in section.text
    assert "can be compared" in service.strategies(summary(strategy(), strategy())).text
