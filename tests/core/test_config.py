"""Configurations make the round trip to TOML, and a wrong key or value is named with its place."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from evergrid.core import config
from evergrid.core.errors import ConfigError, MissingFileError
from evergrid.core.timegrid import zone


class Limit(config.Config):
    """A limit."""

    limit_kw: float = Field(ge=0, examples=[10.0])
    """Greatest power, kW."""
    note: str | None = Field(default=None, examples=["winter"])
    """Why.

    At length.
    """


class Clock(config.Config):
    """A clock."""

    time_zone: str = "UTC"
    """IANA name."""
    summer: bool = True
    """Whether it goes forward in summer."""
    rates: tuple[float, ...] = (1.0,)
    """How fast it goes."""
    pair: tuple[float, float] = (0.0, 1.0)
    """From and to."""
    since: date = date(2025, 1, 1)
    """When it was set."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        zone(value)
        return value


class Street(config.Config):
    """A street."""

    name: str = Field(examples=["Elm"])
    """What it is called."""
    houses: int = Field(default=4, ge=1)
    """How many."""
    options: dict[str, str] = Field(default_factory=dict)
    """Anything."""
    clock: Clock = Clock()
    """Its clock."""
    limit: tuple[Limit, ...] = ()
    """Limits."""
    spare: Limit | None = None
    """One in reserve."""


def faults(raw: dict[str, Any]):
    with pytest.raises(ConfigError) as caught:
        config.parse(Street, raw)
    return [(fault.field, str(fault)) for fault in caught.value.faults]


def uncommented(text: str):
    """The template with its optional keys and tables set."""
    lines = text.splitlines()
    return "\n".join(
        line.removeprefix("# ") if line.startswith("# [") or " = " in line else line
        for line in lines
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    TEXTS,
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.lists(st.builds(Limit, limit_kw=st.floats(0, 1e300), note=st.none() | TEXTS), max_size=3),
)
def test_any_configuration_survives_dump_and_parse(
    name: str, options: dict[str, str], limits: list[Limit]
):
    given_config = Street(name=name, options=options, limit=tuple(limits))
    text = config.dump(given_config)
    assert config.parse(Street, tomllib.loads(text)) == given_config


def test_the_template_as_it_stands_holds_every_default():
    parsed = config.parse(Street, tomllib.loads(config.template(Street, heading="A street")))
    assert parsed == Street(name="Elm")


def test_the_template_with_every_optional_part_set_is_valid_and_survives_a_dump():
    parsed = config.parse(
        Street, tomllib.loads(uncommented(config.template(Street, heading="A street")))
    )
    limit = Limit(limit_kw=10.0, note="winter")
    assert parsed == Street(name="Elm", limit=(limit,), spare=limit)
    assert config.parse(Street, tomllib.loads(config.dump(parsed))) == parsed


def test_the_template_explains_every_key_it_shows():
    text = config.template(Street, heading="A street")
    assert text.startswith("# A street\n")
    for meaning in ("What it is called.", "Greatest power, kW.", "At length.", "IANA name."):
        assert f"# {meaning}" in text


def test_an_unknown_key_names_the_nearest_known_one():
    raw = {"name": "Elm", "housse": 3, "xyzzy": 1}
    assert [text for _, text in faults(raw)] == [
        "housse must be a known key, got housse. Did you mean houses?",
        "xyzzy must be a known key, got xyzzy. Remove it; `evergrid new` shows every key.",
    ]


@pytest.mark.parametrize(
    ("raw", "place", "near"),
    [
        ({"limit": [{"limit_kw": 1}, {"limit_kw": 1, "limit_kv": 2}]}, "limit.1.limit_kv", "kw"),
        ({"spare": {"limit_kw": 1, "notes": "x"}}, "spare.notes", "note"),
        ({"clock": {"timezone": "UTC"}}, "clock.timezone", "time_zone"),
    ],
)
def test_an_unknown_key_inside_a_table_names_its_place_and_the_nearest(
    raw: dict[str, Any], place: str, near: str
):
    ((field, text),) = faults({"name": "Elm", **raw})
    assert field == place
    assert text.rstrip("?").endswith(near)


def test_every_fault_is_listed_with_its_place():
    raw = {"houses": 0, "limit": [{"limit_kw": -1}, {}], "clock": 5}
    assert [field for field, _ in faults(raw)] == [
        "name",
        "houses",
        "clock",
        "limit.0.limit_kw",
        "limit.1.limit_kw",
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "ten", None, [1.0]])
def test_a_number_must_be_a_finite_number(value: object):
    ((field, text),) = faults({"name": "Elm", "spare": {"limit_kw": value}})
    assert field == "spare.limit_kw"
    assert "must be a" in text


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"houses": True}, "houses must be a number, not true or false"),
        ({"houses": "4"}, "houses must be a number, without quotes"),
        ({"spare": {"limit_kw": True}}, "spare.limit_kw must be a number, not true or false"),
        ({"spare": {"limit_kw": "7"}}, "spare.limit_kw must be a number, without quotes"),
        ({"clock": {"summer": 0}}, "clock.summer must be true or false"),
        ({"clock": {"summer": "off"}}, "clock.summer must be true or false"),
        ({"clock": {"rates": [1.0, True]}}, "clock.rates must be a number, not true or false"),
        ({"clock": {"rates": [1.0, "2"]}}, "clock.rates must be a number, without quotes"),
        ({"clock": {"since": 1736812800}}, "clock.since must be a date"),
    ],
)
def test_no_value_of_one_kind_stands_for_another(raw: dict[str, Any], said: str):
    ((_, text),) = faults({"name": "Elm", **raw})
    assert text.startswith(said)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"limit": {"limit_kw": 1}}, "limit must be a list of tables, got a single table. Write"),
        ({"limit": "7 kW"}, "limit must be a list of tables, got 7 kW. Write it below [[limit]]."),
        ({"limit": [7]}, "limit.0 must be a table, got 7. Write it below [[limit]]."),
        ({"spare": [{"limit_kw": 1}]}, "spare must be a table, got a list. Write it below [spare]"),
        ({"clock": {"rates": 1.0}}, "clock.rates must be a list, got 1. Write the values in sq"),
        (
            {"clock": {"pair": [1.0, 2.0, 3.0]}},
            "clock.pair must have at most 2 entries, got 3.",
        ),
    ],
)
def test_what_stands_where_a_table_or_list_should_is_told_as_toml_is_written(
    raw: dict[str, Any], said: str
):
    ((_, text),) = faults({"name": "Elm", **raw})
    assert text.startswith(said)


def test_values_of_the_right_kind_are_taken():
    made = config.parse(
        Street,
        {"name": "Elm", "clock": {"summer": False, "rates": [1, 2.5], "since": "2025-02-03"}},
    )
    assert made.clock == Clock(summer=False, rates=(1.0, 2.5), since=date(2025, 2, 3))


def test_a_rule_of_another_record_is_reported_at_the_key_that_breaks_it():
    ((field, text),) = faults({"name": "Elm", "clock": {"time_zone": "Europe/Olso"}})
    assert field == "clock.time_zone"
    assert text == "clock.time_zone must be an IANA zone such as Europe/Oslo, got Europe/Olso."


class Market(config.Config):
    """A market."""

    price_by_fuel: dict[str, float] = Field(default_factory=dict)
    """Of each fuel."""
    corners: tuple[tuple[float, float], ...] = ()
    """Of a curve."""


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"price_by_fuel": {"gas": "3"}}, "must be a number, without quotes"),
        ({"price_by_fuel": {"gas": True}}, "must be a number, not true or false"),
        ({"corners": [[0.0, 1.0], [1.0, "2"]]}, "must be a number, without quotes"),
    ],
)
def test_no_value_in_a_table_or_a_list_of_lists_stands_for_another(raw: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        config.parse(Market, raw)
    assert config.parse(Market, {"price_by_fuel": {"gas": 3}, "corners": [[0, 1]]})


class Town(config.Config):
    """A town."""

    street: tuple[Limit, ...] = Field(min_length=1, max_length=2)
    """Its streets."""
    share: float = Field(default=0.5, gt=0, le=1)
    """How much of it."""
    air_c: float = Field(default=10.0, ge=-30, le=60)
    """Of its air."""


def told(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(Town, raw)
    return [str(fault) for fault in caught.value.faults]


def test_a_list_is_not_called_too_short_because_what_it_holds_has_faults():
    (text,) = told({"street": [{"limit_kw": -1.0}]})
    assert text.startswith("street.0.limit_kw must be greater than or equal to 0, got -1")


def test_lists_that_are_too_short_or_too_long_are_told_in_words():
    (short,) = told({"street": []})
    assert short.startswith("street must have at least 1 entry, got 0")
    (long,) = told({"street": [{"limit_kw": 1.0}] * 3})
    assert long.startswith("street must have at most 2 entries, got 3")


@pytest.mark.parametrize(("share", "percent"), [(87.0, True), (2, True), (1.1, False), (0, False)])
def test_a_percentage_in_the_place_of_a_fraction_is_told(share: float, percent: bool):
    (text,) = told({"street": [{"limit_kw": 1.0}], "share": share})
    assert ("Give a fraction, not a percentage." in text) == percent


@pytest.mark.parametrize(("air_c", "kelvin"), [(285.0, True), (61.0, False), (-31.0, False)])
def test_kelvin_in_the_place_of_degrees_celsius_is_told(air_c: float, kelvin: bool):
    (text,) = told({"street": [{"limit_kw": 1.0}], "air_c": air_c})
    assert ("Give degrees Celsius, not kelvin." in text) == kelvin


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Street(name="Elm").name = "Oak"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"gone\.toml"):
        config.read(Street, tmp_path / "gone.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = ", b"[a]\n[a]\n", b"name = 'x'\0"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "street.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="TOML in UTF-8"):
        config.read(Street, path)


def test_a_fault_in_a_file_names_the_file(tmp_path: Path):
    path = tmp_path / "street.toml"
    path.write_text("houses = 0")
    with pytest.raises(ConfigError, match=r"street\.toml: 2 faults found"):
        config.read(Street, path)


class Renamed(config.Config):
    """A table of which a key was renamed."""

    limit_kw: float = 1.0
    """Greatest power, kW."""
    renamed: ClassVar[Mapping[str, str]] = {"most_kw": "limit_kw"}


class Outer(config.Config):
    """A table with lists of such tables."""

    part: tuple[Renamed, ...] = ()
    """Parts."""


def test_an_old_key_is_refused_with_its_new_name():
    with pytest.raises(ConfigError, match=r"most_kw.*write limit_kw"):
        config.parse(Renamed, {"most_kw": 2.0})
    with pytest.raises(ConfigError, match=r"part\.0\.most_kw.*write limit_kw"):
        config.parse(Outer, {"part": [{"most_kw": 2.0}]})
