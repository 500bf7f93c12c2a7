# Plotly's properties have no usable types.
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from itertools import product

import pytest

from evergrid.report import panels, theme


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", theme.SCHEMES.values(), ids=theme.SCHEMES)
def test_text_meets_contrast_aa_on_every_ground(scheme: theme.Scheme):
    inks = (scheme.ink, scheme.faint_ink, scheme.accent)
    for ink, ground in product(inks, (scheme.ground, scheme.surface)):
        assert contrast(ink, ground) >= 4.5
    assert contrast(scheme.warning_ink, scheme.warning_ground) >= 4.5


@pytest.mark.parametrize("scheme", theme.SCHEMES.values(), ids=theme.SCHEMES)
@pytest.mark.parametrize("color", theme.COLORWAY)
def test_marks_stand_out_on_every_ground(scheme: theme.Scheme, color: str):
    assert contrast(color, scheme.surface) >= 3.0


def test_grounds_are_clear_so_that_the_page_shows_through():
    for name in theme.SCHEMES:
        layout = theme.template(name).layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == theme.CLEAR


def test_a_figure_that_changes_its_look_leaves_other_figures_alone():
    one, other = panels.sheet("One"), panels.sheet("Other")
    one.update_layout(template_layout_font_size=99)
    assert one.layout.template.layout.font.size == 99
    assert other.layout.template.layout.font.size == 13
    assert theme.template("light").layout.font.size == 13


def test_tint_keeps_the_color_and_adds_its_share():
    assert theme.tint("#1F7FC1", 0.25) == "rgba(31,127,193,0.25)"
