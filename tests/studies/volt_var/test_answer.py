"""The answer says of each way of control what its numbers say, and nothing else."""

from typing import Any

import pytest

from evergrid.studies.volt_var import answer, tables


def row(mode: str, taps: int, banks: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "mode": mode,
        "tap_operations": taps,
        "bank_operations": banks,
        "low_pu": 0.96,
        "high_pu": 1.04,
        "outside_share": 0.0,
        "unsettled_steps": 0,
    } | changed


def summary(*rows: dict[str, Any], regulators: int = 2, banks: int = 1) -> dict[str, Any]:
    told = {"modes": list(rows), "regulators": regulators, "banks": banks}
    return told | {"limits_pu": [0.95, 1.05]} | tables.answer(rows)


def test_a_best_control_that_still_wears_is_not_told_as_sparing():
    s = summary(row("none", 50), row("unity", 150), row("category_b", 99))
    first, usual, best = answer.sentences(s)
    assert first.startswith("Without V2G 50 taps moved, at 0.960 to 1.040 pu")
    assert "V2G as usual (unity power factor) wears tap changers: 150 taps moved" in usual
    assert "3.0 times as many as without V2G" in usual
    assert "(category B) wears tap changers: 99 taps moved (98 % more than without V2G)" in best
    assert "34 % fewer taps than as usual" in best
    assert not any("spares" in text for text in (first, usual, best))
    assert s["best_against_none"] == pytest.approx(0.98)
    labels = [card.label for card in answer.cards(s)]
    assert labels == ["Without V2G", "V2G as usual (unity power factor)", "Best control"]


def test_a_control_that_spares_is_told_so_and_at_what_voltage():
    s = summary(
        row("none", 50),
        row("unity", 50),
        row("compensation", 40, low_pu=0.94, outside_share=0.2),
        row("category_a", 45),
    )
    _, usual, best = answer.sentences(s)
    assert "neither wears nor spares tap changers: 50 taps moved (as many as" in usual
    assert "(own R/X compensation) spares tap changers: 40 taps moved (20 % fewer" in best
    assert "at 0.940 to 1.040 pu (beyond 0.95 to 1.05 pu in 20.0 % of steps)" in best
    assert best.endswith("more often than as usual")


def test_taps_and_banks_are_told_apart():
    s = summary(row("none", 10, 4), row("unity", 12, 4), row("category_b", 5, 6))
    _, usual, best = answer.sentences(s)
    assert "wears tap changers and neither wears nor spares capacitor banks" in usual
    assert "spares tap changers and wears capacitor banks" in best
    assert "6 banks switched (50 % more than without V2G)" in best


def test_counts_with_steps_that_did_not_settle_are_at_least_and_not_the_best():
    stuck = row("category_a", 1, unsettled_steps=3)
    s = summary(row("none", 10), row("unity", 30), stuck, row("category_b", 20))
    assert s["best_mode"] == "category_b"
    cards = {card.label: card.value for card in answer.cards(s)}
    assert cards["Category A"] == "at least 1"
    assert cards["Best control"] == "20"


def test_where_nothing_moved_without_vehicles_no_share_is_made_up():
    s = summary(row("none", 0), row("unity", 3), row("category_b", 0))
    _, usual, best = answer.sentences(s)
    assert "3 taps moved (none without V2G)" in usual
    assert "neither wears nor spares" in best
    assert s["usual_against_none"] is s["best_against_none"] is None


@pytest.mark.parametrize("gone", ["none", "unity"])
def test_a_mode_that_is_missing_is_asked_for(gone: str):
    rows = [row("none", 5), row("unity", 9), row("category_b", 7)]
    s = summary(*(one for one in rows if one["mode"] != gone))
    told = answer.sentences(s)
    assert told[-1] == f'To compare with, add "{gone}" to modes'
    assert gone == "unity" or not any("wears" in text for text in told)


def test_a_feeder_with_nothing_to_wear_still_tells_voltages():
    s = summary(row("none", 0), row("unity", 0), regulators=0, banks=0)
    told = answer.sentences(s)
    assert "nothing to wear out" in told[0]
    assert "Unity power factor: at 0.960 to 1.040 pu" in told[2]
