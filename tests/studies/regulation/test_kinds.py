"""The award by kind of asset: every asset in one kind, and nothing lost."""

from typing import Any

import numpy as np
import pytest

from evergrid.core.config import parse
from evergrid.studies.regulation.config import Config
from evergrid.studies.regulation.kinds import BATTERIES, OTHERS, by_kind
from tests.studies.regulation_cases import configuration


def config(*names: str) -> Config:
    given: dict[str, Any] = configuration()
    group = given["fleet"][0]
    return parse(Config, given | {"fleet": [group | {"name": name} for name in names]})


def test_every_asset_is_of_one_kind_and_sums_are_kept() -> None:
    ids = ["cars-01", "cars-02", "cars-north-1", "battery-1", "cars-x", "ev 7"]
    held, credit = np.arange(1.0, 7.0), np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    found = by_kind(config("cars", "cars-north"), ids, held, credit)
    rows = {
        row["kind"]: (row["assets"], row["held_kwh"], row["credit"]) for row in found.to_dicts()
    }
    assert rows == {
        OTHERS: (2, 11.0, 48.0),
        BATTERIES: (1, 4.0, 8.0),
        "cars-north": (1, 3.0, 4.0),
        "cars": (2, 3.0, 3.0),
    }
    assert found["kind"].to_list()[0] == OTHERS
    assert found["held_share"].sum() == pytest.approx(1.0)


def test_where_nothing_is_held_no_share_is_made_up() -> None:
    found = by_kind(config("cars"), ["cars-1"], np.zeros(1), np.zeros(1))
    assert found["held_share"].to_list() == [0.0]
