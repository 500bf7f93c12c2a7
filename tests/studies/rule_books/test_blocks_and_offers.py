"""Blocks on a market's clock, and offers whose parts add up to the power of the fleet."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.services.firm_power import even_plan
from evergrid.markets.rules.markets import MARKET_OF, MARKETS, PRODUCTS
from evergrid.studies.rule_books import offers
from evergrid.studies.rule_books.blocks import whole_blocks
from evergrid.studies.rule_books.offers import CAUSES
from tests.dispatch.cases import CaseSettings, a_portfolio

BY_NAME = {market.name: market for market in MARKETS}
GERMANY, BRITAIN = BY_NAME["continental_europe"], BY_NAME["great_britain"]


def grid(start: datetime, hours: float, step_h: float = 0.5) -> TimeGrid:
    return TimeGrid(start.replace(tzinfo=UTC), step_h, round(hours / step_h))


def test_a_day_of_the_market_has_six_blocks_and_parts_at_the_ends_are_left_out() -> None:
    found = whole_blocks(grid(datetime(2026, 1, 13), 24), GERMANY, 4.0)  # 01:00 in Berlin
    assert found.first.tolist() == [6, 14, 22, 30, 38]
    assert found.steps.tolist() == [8] * 5
    assert found.days == [date(2026, 1, 13)] * 5
    whole = whole_blocks(grid(datetime(2026, 1, 12, 23), 24), GERMANY, 4.0)
    assert len(whole.first) == 6


def test_blocks_of_great_britain_begin_at_eleven_in_the_evening() -> None:
    found = whole_blocks(grid(datetime(2026, 1, 12, 20), 24), BRITAIN, 4.0)
    assert found.first[0] == 6
    summer = whole_blocks(grid(datetime(2026, 7, 12, 20), 24), BRITAIN, 4.0)
    assert summer.first[0] == 4  # 22:00 UTC


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 28, 23), [3, 4]), (datetime(2026, 10, 24, 22), [5, 4])]
)
def test_the_block_of_a_night_of_clock_change_is_an_hour_shorter_or_longer(
    day: datetime, hours: list[int]
) -> None:
    found = whole_blocks(grid(day, 12, 1.0), GERMANY, 4.0)
    assert found.steps.tolist()[:2] == hours


def test_hours_and_parts_of_hours_are_blocks_of_utc() -> None:
    pjm = BY_NAME["pjm"]
    assert len(whole_blocks(grid(datetime(2025, 11, 2, 4), 4), pjm, 1.0).first) == 4
    assert len(whole_blocks(grid(datetime(2025, 11, 2, 4), 4), pjm, 0.5).first) == 8
    short = whole_blocks(grid(datetime(2026, 1, 1), 2), BY_NAME["australia"], 1 / 12)
    assert short.steps.tolist() == [1, 1, 1, 1]  # no shorter than a step


@pytest.mark.parametrize("seed", range(3))
def test_what_is_sold_and_what_is_lost_add_up_to_the_power(seed: int) -> None:
    case = a_portfolio(seed, CaseSettings(sessions=200, room_kw=2000.0))
    plan = even_plan(case)
    chosen = [(MARKET_OF[name], product) for name, product in PRODUCTS.items()]
    for one in offers.find(case, plan, chosen):
        if one.refused:
            assert one.product.first > date(2022, 7, 4)
            assert one.sold_mwh == one.power_mwh == 0.0
            continue
        for lost in one.lost_mw.values():
            assert (lost >= -1e-6).all()
        count = one.blocks_lost()
        assert sum(count.values()) == int((one.award_mw == 0).sum())
        assert one.power_mwh == pytest.approx(one.sold_mwh + sum(one.lost_mwh.values()))


def an_offer(product: str, up_kw: list[float], lasting_kw: list[float]) -> offers.Offer:
    """An offer of one block of four steps, or four of one, with as much each way."""
    night = grid(datetime(2026, 1, 12, 23), 4, 1.0)
    powers = [offers.FirmPower(np.array(kw), np.array(kw)) for kw in (up_kw, lasting_kw)]
    return offers.offer(night, MARKET_OF[product], PRODUCTS[product], *powers)


@pytest.mark.parametrize(
    ("product", "power", "lasting", "award", "lost", "blocks_lost"),
    [
        ("afrr_up", [3000] * 4, [2500] * 4, [2.0], (0, 0.5, 0, 0.5), None),
        ("afrr_up", [3000] * 4, [2500, 2500, 2500, 1500], [1.0], (0, 0.75, 0.75, 0.5), None),
        ("afrr_up", [3000] * 4, [2500, 2500, 2500, 500], [0.0], (0, 1.0, 1.5, 0.5), "block"),
        ("afrr_up", [3000] * 4, [900] * 4, [0.0], (0, 2.1, 0, 0.9), "energy"),
        ("afrr_up", [900] * 4, [900] * 4, [0.0], (0, 0, 0, 0.9), "size"),
        ("fcr", [1100] * 4, [1100] * 4, [0.0], (0.22, 0, 0, 0.88), "power"),
    ],
)
def test_each_cause_takes_its_part(
    product: str,
    power: list[float],
    lasting: list[float],
    award: list[float],
    lost: tuple[float, ...],
    blocks_lost: str | None,
) -> None:
    found = an_offer(product, [float(x) for x in power], [float(x) for x in lasting])
    assert found.award_mw.tolist() == award
    assert [found.lost_mw[cause][0] for cause in CAUSES] == pytest.approx(list(lost))
    expected = dict.fromkeys(CAUSES, 0) | ({blocks_lost: 1} if blocks_lost else {})
    assert found.blocks_lost() == expected


def test_a_day_without_rules_sells_nothing_and_says_why() -> None:
    found = an_offer("pjm_regulation", [3000.0] * 4, [3000.0] * 4)
    assert "pjm_regulation_one_signal" in found.refused
    assert found.sold_mwh == 0.0
