"""Draw docs/figures/fleet_power-light.svg and -dark.svg: the demo's fleet against the price.

``python -m docs.figures.fleet_power``, from the root of the repository.
"""

from importlib import resources
from pathlib import Path

import numpy as np

from docs.figures import canvas
from docs.figures.canvas import Panel
from evergrid.core import config
from evergrid.report import theme
from evergrid.report.theme import SchemeName
from evergrid.studies import plan

WIDTH, HEIGHT = 960.0, 480.0  # px
LEGEND = (("uncontrolled", theme.GREY), ("V2G", theme.BLUE), ("price", theme.PLUM))


def main() -> None:
    """Plan the built-in example and draw it."""
    with resources.as_file(resources.files("evergrid.studies") / "demo") as folder:
        settings = config.read(plan.Config, folder / "plan.toml")
        result = plan.run(settings, folder=folder)
    for scheme_name in theme.SCHEMES:
        out = Path(__file__).with_name(f"fleet_power-{scheme_name}.svg")
        out.write_text(_figure(result, scheme_name), encoding="utf-8")


def _figure(result: plan.Result, scheme_name: SchemeName) -> str:
    scheme = theme.SCHEMES[scheme_name]
    portfolio = result.findings.inputs.portfolio
    hours = portfolio.grid.horizon_h
    price = portfolio.prices.import_price_per_mwh
    power = {
        name: made.schedule.power_kw.sum(axis=0) for name, made in result.findings.plans.items()
    }
    count = float(portfolio.grid.steps)
    upper = Panel(64, 78, WIDTH - 88, 220, count, -450, 350)
    lower = Panel(64, 344, WIDTH - 88, 90, count, -50, 250)
    marks = _legend(scheme.ink)
    for panel, ticks, name in (
        (upper, (-400, -200, 0, 200), "Power into the grid, kW"),
        (lower, (0, 100, 200), f"Import price, {portfolio.prices.currency}/MWh"),
    ):
        marks.append(canvas.text(panel.left, panel.top - 8, name, scheme.faint_ink))
        marks += canvas.levels(panel, ticks, scheme)
    marks += _clock(lower, int(hours), count / hours, scheme.faint_ink)
    v2g = canvas.steps(upper, power["v2g"])
    zero = upper.y(0)
    marks.append(
        f'<path d="{v2g} V{zero:.1f} H{upper.x(0):.1f} Z" fill="{theme.BLUE}" fill-opacity="0.26"/>'
    )
    marks.append(_stroke(canvas.steps(upper, power["uncontrolled"]), theme.GREY, 1.8))
    marks.append(_stroke(v2g, theme.BLUE, 2.4))
    marks.append(_stroke(canvas.steps(lower, np.asarray(price)), theme.PLUM, 2.2))
    title = "Fleet power of the built-in example against the price"
    return canvas.drawing(WIDTH, HEIGHT, scheme_name, title, marks)


def _stroke(path: str, color: str, width: float) -> str:
    return f'<path d="{path}" stroke="{color}" stroke-width="{width}"/>'


def _legend(ink: str) -> list[str]:
    marks, x = [], 64.0
    for name, color in LEGEND:
        marks.append(canvas.bar(x, 21, 22, 5, color))
        marks.append(canvas.text(x + 30, 29, name, ink))
        x += 64 + 8.5 * len(name)
    words = "above zero the fleet feeds the grid, below it charges"
    return [*marks, canvas.text(WIDTH - 24, 29, words, ink, anchor="end")]


def _clock(panel: Panel, hours: int, per_hour: float, color: str) -> list[str]:
    """Local hours below the lower panel, every six."""
    return [
        canvas.text(
            panel.x(hour * per_hour),
            panel.top + panel.height + 22,
            f"{hour % 24:02d}:00",
            color,
            anchor="middle" if 0 < hour < hours else "start" if hour == 0 else "end",
        )
        for hour in range(0, hours + 1, 6)
    ]


if __name__ == "__main__":
    main()
