"""Which charger each session uses, and what its rating then is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import ConfigError, InputError
from evergrid.data import tables
from evergrid.inputs.chargers import ChargerSource, SessionsAtChargers, at_chargers
from evergrid.model.charging.chargers import ANY_STARTS
from evergrid.model.session import Sessions
from tests.dispatch.charger_cases import a_workplace

NAMES = ("c0", "c1", "", "")


def sessions(**given: Any) -> Sessions:
    four = a_workplace(0, cars=4).sessions
    rated = np.array([11.0, 7.4, 11.0, 3.7])
    columns = {"max_charge_kw": rated, "charger_id": np.full(4, "", dtype=object)}
    return replace(four, **(columns | {"phases": np.zeros(4, np.int64)} | given))


def placed(source: ChargerSource, given: Sessions, folder: Path, **how: Any) -> SessionsAtChargers:
    return at_chargers(source, given, folder, **({"batteries": frozenset()} | how))


def a_file(folder: Path, **columns: Any) -> ChargerSource:
    made = {"charger_id": ["c0", "c1"], "site_id": ["office"] * 2, "phases": [3, 1]}
    made |= {"most_a": [16, 16]}
    pl.DataFrame(made | columns).write_csv(folder / "chargers.csv")
    return ChargerSource(file="chargers.csv", most_starts=3)


def test_a_rating_stands_for_whole_amperes_on_one_phase_or_three(tmp_path: Path) -> None:
    made = placed(ChargerSource(), sessions(), tmp_path)
    assert made.chargers.phases.tolist() == [3, 1, 3, 1]
    assert made.chargers.most_a.tolist() == [16, 32, 16, 16]
    assert made.chargers.phase.tolist() == ["L1", "L1", "L1", "L2"]
    assert made.sessions.max_charge_kw.tolist() == pytest.approx([11.04, 7.36, 11.04, 3.68])
    assert "such as 11 kW as 11.04 kW" in " ".join(made.notes)
    assert made.chargers.most_starts.tolist() == [ANY_STARTS] * 4


def test_what_no_ampere_makes_is_lowered_and_told(tmp_path: Path) -> None:
    made = placed(ChargerSource(), sessions(max_charge_kw=np.full(4, 10.0)), tmp_path)
    assert made.sessions.max_charge_kw.tolist() == pytest.approx([14 * 0.69] * 4)
    assert "4 sessions are rated above what whole steps" in " ".join(made.notes)


def test_batteries_and_direct_current_take_any_power(tmp_path: Path) -> None:
    given = sessions(max_charge_kw=np.array([11.0, 50.0, 11.0, 22.0]))
    made = placed(ChargerSource(), given, tmp_path, batteries=frozenset({"s2"}))
    assert made.sessions.charger_id.tolist() == ["charger of s0", "", "", "charger of s3"]
    assert made.sessions.max_charge_kw.tolist() == pytest.approx([11.04, 50.0, 11.0, 22.08])
    assert "1 sessions are rated above 43.5 kW" in " ".join(made.notes)


def test_a_car_with_three_phases_at_a_charger_with_one_is_limited_and_told(tmp_path: Path) -> None:
    given = sessions(
        charger_id=np.array(NAMES, dtype=object), phases=np.array([1, 3, 0, 0]),
        max_charge_kw=np.array([3.7, 11.0, 11.0, 3.7]),
    )  # fmt: skip
    made = placed(a_file(tmp_path), given, tmp_path)
    assert made.sessions.phases.tolist() == [1, 1, 3, 1]
    assert made.sessions.max_charge_kw.tolist() == pytest.approx([3.68, 3.68, 11.04, 3.68])
    assert "1 sessions of cars with three phases are at chargers with one" in " ".join(made.notes)
    assert made.chargers.most_starts[:2].tolist() == [3, 3]


def test_chargers_that_are_not_known_or_elsewhere_are_refused(tmp_path: Path) -> None:
    named = sessions(charger_id=np.array(NAMES, dtype=object))
    with pytest.raises(InputError, match="charger_id must name a charger of a table"):
        placed(ChargerSource(), named, tmp_path)
    with pytest.raises(InputError, match="name one of the chargers, got c1 for s1"):
        placed(a_file(tmp_path, charger_id=["c0", "c9"]), named, tmp_path)
    with pytest.raises(InputError, match="be at the site of the session, got c0 for s0"):
        placed(a_file(tmp_path, site_id=["home", "office"]), named, tmp_path)


def test_a_rating_below_the_least_of_its_charger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_charge_kw must reach least_a, 6 A"):
        placed(ChargerSource(phases=3), sessions(), tmp_path)
    weak = sessions(charger_id=np.array(NAMES, dtype=object), max_charge_kw=np.full(4, 3.7))
    with pytest.raises(InputError, match=r"reach the least power of its charger, got 3.7 kW at c0"):
        placed(a_file(tmp_path), replace(weak, phases=np.array([3, 1, 1, 1])), tmp_path)


def test_a_table_is_read_as_it_is_written(tmp_path: Path) -> None:
    a_file(tmp_path, least_on_min=[30, None], phase=["L1", None], most_starts=[2, None])
    read = tables.read_chargers(tmp_path / "chargers.csv")
    assert read.least_on_min.tolist() == [30, 0]
    assert read.phase.tolist() == ["L1", "L1"]
    assert read.most_starts.tolist() == [2, ANY_STARTS]
    tables.chargers_frame(read).write_parquet(tmp_path / "again.parquet")
    again = tables.read_chargers(tmp_path / "again.parquet")
    for name, values in read.columns().items():
        assert again.columns()[name].tolist() == values.tolist()


def test_faults_of_a_table_have_their_rows(tmp_path: Path) -> None:
    a_file(tmp_path, phases=[3.0, 1.5])
    with pytest.raises(InputError, match=r"phases must be a whole number, got 1.5 \(row 2\)"):
        tables.read_chargers(tmp_path / "chargers.csv")


def test_a_key_out_of_range_is_refused() -> None:
    faulty: tuple[dict[str, Any], ...] = (
        {"least_a": -6.0},
        {"step_a": 0.0},
        {"most_starts": 0},
        {"phases": 2},
        {"most_a": 5.0},
    )
    for bad in faulty:
        with pytest.raises((ConfigError, ValueError)):
            ChargerSource(**bad)
