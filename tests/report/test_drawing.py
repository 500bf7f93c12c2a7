"""A figure that cannot be drawn takes its own place only, and says which it is and why."""

import warnings

import plotly.graph_objects as go
import pytest

from evergrid.report.drawing import Figures, FigureWarning, draw_each
from evergrid.report.page import MissingFigure, page


def broken() -> go.Figure:
    raise ValueError("zero-size array <b>\nand a second line")


def made() -> Figures:
    with pytest.warns(FigureWarning, match="feeder_map could not be drawn: ValueError"):
        return draw_each({"first": go.Figure, "feeder_map": broken, "last": go.Figure})


def test_the_others_are_drawn_and_the_broken_one_is_named_with_its_reason():
    found = made()
    assert list(found.figures) == ["first", "last"]
    (note,) = found.notes
    assert "feeder_map" in note
    assert "ValueError: zero-size array" in note
    assert "second line" not in note


def test_the_sentence_stands_in_the_place_of_the_figure():
    found = made()
    sections = found.sections(dict.fromkeys(found.contents, "How to read it."))
    assert [section.heading for section in sections] == ["First", "Feeder map", "Last"]
    assert isinstance(sections[1].content, MissingFigure)
    html = page("A study", sections=sections, notes=found.notes)
    _, place, after = html.split("<h2 id=")[1:]
    assert "zero-size array &lt;b&gt;" in place
    assert 'class="failed"' in place
    assert 'class="plot"' in after
    assert html.count('class="plot"') == 2


def test_the_suite_turns_a_figure_that_fails_into_an_error():
    with pytest.raises(FigureWarning, match="feeder_map"):
        draw_each({"feeder_map": broken})


def test_an_error_without_words_still_names_its_kind():
    def silent() -> go.Figure:
        raise KeyError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (note,) = draw_each({"room": silent}).notes
    assert "KeyError: no reason given" in note
