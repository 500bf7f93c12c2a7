"""What Evergrid's figures and pages look like, on light and on dark ground."""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import plotly.graph_objects as go

SchemeName = Literal["light", "dark"]

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
CLEAR: Final = "rgba(0,0,0,0)"

# Marks keep their colour on both grounds, so each has a contrast of at least 3 : 1 on either.
# Hues follow Okabe and Ito (2008), Color universal design: told apart in all colour blindness.
BLUE: Final = "#1F7FC1"
ORANGE: Final = "#D0690F"
GREY: Final = "#7E8894"
PLUM: Final = "#A9649F"
GREEN: Final = "#1B9071"
RED: Final = "#D64545"
COLORWAY: Final = (BLUE, ORANGE, GREEN, PLUM, GREY, RED)


@dataclass(frozen=True)
class Scheme:
    """Colours of text and ground under one scheme of the reader's screen.

    Attributes:
        ground: Behind everything.
        surface: Behind cards, figures and tables.
        ink: Text.
        faint_ink: Text of less weight: hints, axis labels.
        line: Borders and grid lines.
        strong_line: Zero lines and axes.
        accent: Links, and the edge of cards.
        warning_ground: Behind notes to the reader.
        warning_ink: Their text.
        diverging: Full import, idle, full export in a heat map.
    """

    ground: str
    surface: str
    ink: str
    faint_ink: str
    line: str
    strong_line: str
    accent: str
    warning_ground: str
    warning_ink: str
    diverging: tuple[str, str, str]


SCHEMES: Final[dict[SchemeName, Scheme]] = {
    "light": Scheme(
        ground="#F5F7F9",
        surface="#FFFFFF",
        ink="#1B2530",
        faint_ink="#566270",
        line="#E1E6EB",
        strong_line="#97A2AE",
        accent="#17669C",
        warning_ground="#FFF5E3",
        warning_ink="#6B4200",
        diverging=("#B4530A", "#F1F3F5", "#0B5A94"),
    ),
    "dark": Scheme(
        ground="#0F1419",
        surface="#171D24",
        ink="#E4E9EE",
        faint_ink="#A3AEBA",
        line="#2B343E",
        strong_line="#6B7784",
        accent="#6DB5E8",
        warning_ground="#2E2412",
        warning_ink="#F3CE8B",
        diverging=("#F0913F", "#202831", "#4FA9E6"),
    ),
}


@cache  # Plotly checks every key of it, which takes longer than some figures
def template(scheme_name: SchemeName = "light") -> go.layout.Template:
    """The Plotly template of a scheme; grounds are clear, so the page shows through.

    Figures carry a copy of the light one. In a dark notebook:
    ``figure.update_layout(template=theme.template("dark"))``.
    """
    scheme = SCHEMES[scheme_name]
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": scheme.ink},
            "title": {"x": 0.012, "xanchor": "left", "font": {"size": 17}},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "colorway": list(COLORWAY),
            "xaxis": _axis(scheme) | {"showgrid": False},
            "separators": ".,",
            "yaxis": _axis(scheme),
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {
                "bgcolor": scheme.surface,
                "bordercolor": scheme.strong_line,
                "font": {"family": FONT, "color": scheme.ink},
            },
            "modebar": {"color": scheme.faint_ink, "activecolor": scheme.accent, "bgcolor": CLEAR},
            "coloraxis": {
                "colorscale": [[i / 2, color] for i, color in enumerate(scheme.diverging)],
                "colorbar": {"outlinewidth": 0, "tickcolor": scheme.strong_line},
            },
        }
    )


def _axis(scheme: Scheme) -> dict[str, object]:
    return {
        "automargin": True,
        "gridcolor": scheme.line,
        "layer": "below traces",
        "linecolor": scheme.strong_line,
        "separatethousands": True,
        "tickcolor": scheme.strong_line,
        "tickfont": {"color": scheme.faint_ink},
        "title": {"standoff": 10, "font": {"color": scheme.faint_ink, "size": 13}},
        "zerolinecolor": scheme.strong_line,
        "zerolinewidth": 1.5,
    }


def tint(color: str, share: float) -> str:
    """A colour such as ``#1F7FC1`` let through to the given share, for areas."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"
