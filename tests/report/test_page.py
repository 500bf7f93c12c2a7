import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report.figures import fleet_power
from evergrid.report.page import About, Headline, Section, Table, page


@pytest.fixture
def figure(grid: TimeGrid, power_kw: Array, price_per_mwh: Array) -> go.Figure:
    return fleet_power(grid, {"V2G": power_kw}, price_per_mwh, currency="EUR")


class Elements(HTMLParser):
    """Every start tag with its attributes, and all text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def without_plotly(text: str) -> str:
    """The page less the one library it carries, which mentions addresses it never asks."""
    assert text.count(get_plotlyjs()) == 1
    return text.replace(get_plotlyjs(), "")


def full_page(words: str, figure: go.Figure) -> str:
    table = Table([words, words], [[words, words]])
    return page(
        words,
        headline=[Headline(words, words, words, words)],
        notes=[words],
        sections=[Section(words, words, figure), Section(words, words, table), Section(words, "")],
        about=About(words, table, [(words, words)]),
    )


def test_nothing_is_asked_of_any_network(figure: go.Figure):
    text = without_plotly(full_page("plan", figure))
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)
    elements = Elements(text)
    assert not elements.all("link") + elements.all("img") + elements.all("iframe")
    assert not [attrs for _, attrs in elements.tags if "src" in attrs or "href" in attrs]


def test_the_browser_is_told_to_ask_no_network_and_run_no_other_script(figure: go.Figure):
    elements = Elements(full_page("plan", figure))
    (policy,) = [attrs for attrs in elements.all("meta") if attrs.get("http-equiv")]
    rules = policy["content"] or ""
    assert "default-src 'none'" in rules
    assert len(re.findall(r"'sha256-[\w+/=]{44}'", rules)) == 2
    assert "'unsafe-inline'" not in rules.split("script-src")[1].split(";")[0]


def test_hostile_words_are_shown_and_never_obeyed(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array, hostile: str
):
    powers = {hostile: power_kw}
    drawn = fleet_power(grid, powers, price_per_mwh, currency=hostile)
    drawn.update_layout(title_text=hostile)  # even by a figure that is not one of ours
    text = without_plotly(full_page(hostile, drawn))
    plain = without_plotly(full_page("plan", fleet_power(grid, powers, price_per_mwh, currency="")))
    elements = Elements(text)
    assert [name for name, _ in elements.tags if name in ("script", "img", "b")] == [
        name for name, _ in Elements(plain).tags if name in ("script", "img", "b")
    ]
    assert not [attrs for _, attrs in elements.tags if "onerror" in attrs]
    assert elements.words.count(hostile) >= 12


def test_the_page_is_one_document_a_screen_reader_can_follow(figure: go.Figure):
    text = full_page("plan", figure)
    elements = Elements(text)
    assert text.startswith("<!doctype html>")
    assert elements.all("html")[0]["lang"] == "en"
    assert len(elements.all("title")) == len(elements.all("h1")) == len(elements.all("main")) == 1
    headings = [attrs["id"] for attrs in elements.all("h2")]
    assert [attrs["aria-labelledby"] for attrs in elements.all("section")] == headings
    (plot,) = [attrs for attrs in elements.all("div") if attrs.get("role") == "img"]
    assert plot["aria-label"] == "Figure: plan. plan"
    assert {attrs["scope"] for attrs in elements.all("th")} == {"col", "row"}
    assert any("width=device-width" in (a.get("content") or "") for a in elements.all("meta"))


def test_plotly_is_carried_once_and_only_where_a_figure_needs_it(figure: go.Figure):
    sections = [Section(str(i), "", figure) for i in range(3)]
    assert page("plan", sections=sections).count(get_plotlyjs()) == 1
    assert len(page("plan", sections=[Section("a", "", Table(["x"], []))])) < 20_000


def test_the_title_of_a_figure_becomes_a_caption_that_wraps(figure: go.Figure):
    words = Elements(page("plan", sections=[Section("Power", "", figure)])).words
    assert "Fleet power and price" in words
    assert "Above zero the fleet feeds the grid" in words
    again = Elements(page("plan", sections=[Section("Fleet power and price", "", figure)])).words
    assert again.count("Fleet power and price") == 1


def test_the_figure_itself_is_left_as_it_was(figure: go.Figure):
    before = figure.to_json()
    page("plan", sections=[Section("Power", "", figure)])
    assert figure.to_json() == before


def test_an_empty_study_still_makes_a_page():
    elements = Elements(page("plan"))
    assert elements.words.split() == ["plan", "Evergrid", "plan"]


def test_a_figure_without_any_layout_can_be_shown():
    assert 'id="plot-1"' in page("plan", sections=[Section("bare", "", go.Figure())])


def test_the_same_input_gives_the_same_page(figure: go.Figure):
    assert full_page("plan", figure) == full_page("plan", figure)


def test_no_control_character_reaches_the_page(figure: go.Figure):
    words = "car\x1b[31m\x07\u202efdp\u2066\x9b\x00\ud800"
    whole = full_page(words, figure)
    shown = Elements(without_plotly(whole)).words
    assert r"car\x1b[31m\x07\u202efdp\u2066\x9b\x00\ud800" in shown
    assert not {"\x1b", "\x07", "\u202e", "\u2066", "\x9b", "\x00"} & set(whole)
    assert whole.encode()


def test_a_name_of_a_million_letters_is_cut(figure: go.Figure):
    assert len(without_plotly(full_page("x" * 1_000_000, figure))) < 200_000


def test_numbers_of_a_table_are_never_broken_over_two_lines():
    row = ["v2g", "1,570.38", "-319.93", "\u22122.5", "at least 12", "3.2 kW", ""]
    table = Table([f"column {i}" for i in range(len(row))], [row])
    text = page(
        "plan",
        headline=[],
        notes=[],
        sections=[Section("Table", "", table)],
        about=About("", Table(["key"], []), []),
    )
    assert [cell.get("class") for cell in Elements(text).all("td")][:6] == [
        *["number"] * 3,
        *[None] * 3,
    ]
