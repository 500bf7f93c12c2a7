"""Whether a real browser draws a whole report, without a complaint."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.report import figures
from evergrid.report.figures import SiteRun, VehicleRun
from evergrid.report.page import About, Headline, Section, Table, page
from evergrid.studies.volt_var.answer import LABELS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # containers give it little room
    "--virtual-time-budget=8000",
    "--enable-logging=stderr",
)


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        why = f"no headless browser on the PATH (looked for {', '.join(BROWSERS)})"
        if os.environ.get("EVERGRID_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{why}; `make services` installs one")
        pytest.skip(why)
    return found


@pytest.fixture
def report(
    grid: TimeGrid, power_kw: Array, price_per_mwh: Array, vehicle: VehicleRun, hostile: str
) -> str:
    """A page with every figure, and hostile names wherever a user gives one."""
    eur = {"currency": hostile}
    energy_kwh = 500 + power_kw
    site = SiteRun(hostile, power_kw, 60.0, np.inf, np.abs(power_kw))
    steps = [(hostile, 10.0), ("saved", -12.0), (hostile, -2.0)]
    drawn = [
        figures.fleet_power(grid, {hostile: power_kw, "V2G": power_kw}, price_per_mwh, **eur),
        figures.energy_band(grid, energy_kwh, energy_kwh - 9, energy_kwh + 9, energy_kwh + 20),
        figures.site_loading(grid, site, **eur),
        figures.site_heatmap(grid, [hostile, "2022-07-04"], np.stack([power_kw, -power_kw]) / 60),
        figures.value_waterfall(steps, **eur),
        figures.vehicle_day(grid, vehicle, name=hostile, **eur),
        figures.profit_comparison({hostile: 4.0, "forecast": -2.0}, **eur),
        figures.forecast_against_actual(grid, price_per_mwh, price_per_mwh + 1, **eur),
        figures.profit_comparison({}, **eur),
    ]
    return page(
        hostile,
        headline=[Headline(hostile, hostile)],
        notes=[hostile],
        sections=[Section(hostile, hostile, figure) for figure in drawn],
        about=About(hostile, Table([hostile], [[hostile]]), [(hostile, hostile)]),
    )


MEASURE = """<script>window.addEventListener("load", () => setTimeout(() => {
  const beyond = [];
  for (const figure of document.querySelectorAll("figure")) {
    const card = figure.getBoundingClientRect();
    for (const text of figure.querySelectorAll("text")) {
      const own = text.getBoundingClientRect();
      if (own.width && (own.right > card.right + 1 || own.left < card.left - 1))
        beyond.push(text.textContent);
    }
  }
  const told = document.createElement("pre");
  told.id = "beyond";
  told.textContent = JSON.stringify(beyond);
  document.body.append(told);
}, 2000))</script></head>"""


@pytest.fixture
def feeder_report() -> str:
    """A page with the figures of feeders, and the longest names that studies give them."""
    modes = [*LABELS.values()]
    hour = np.arange(1.0, 25.0)
    some = np.linspace(0.97, 1.04, 24)
    far, before = np.array([0.0, 0.01, 0.02, 0.03]), np.array([-1, 0, 1, 2])
    names = np.array(["source", "a", "a_bus_of_a_long_name", "c"], dtype=object)
    value = np.array([np.nan, 12.0, 7.0, 3.0])
    ends = np.array([[0, 1], [1, 2], [2, 3]])
    many = np.arange(1, len(modes) + 1)
    cases = {f"Charging evenly over the stay, own R/X compensation {n}": some for n in range(3)}
    map_of = {"title": "Room at each place: feeding", "unit": "kW", "source": 0}
    drawn = [
        figures.feeder_map(far, far, ends, value, names, **map_of),
        figures.feeder_map(np.ones(4), far, ends, value, names, **map_of),
        figures.distance_diagram(
            far, before, value, names, title="Room", axis="Room", unit="kW", base_kva=1000.0
        ),
        figures.operations_bars(modes, 1000 * many, many),
        figures.losses_bars(modes, 1234.0 * many),
        figures.voltage_day(hour, some[None], some[None], modes[:1], limits_pu=(0.95, 1.05)),
        figures.violation_curve(hour, cases, cases, cases),
        figures.stopper_bars([("Charging on arrival", "transformer hot spot", "xfm1", 0.8)]),
        figures.headroom_over_day(hour, hour, hour),
    ]
    return page("Feeders", sections=[Section("A figure", "Read it.", one) for one in drawn])


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1400])
def test_no_text_of_a_figure_reaches_beyond_its_card(
    browser: str, feeder_report: str, tmp_path: Path, width: int
):
    file = tmp_path / "report.html"
    # The page lets only its own scripts run; here one that measures runs as well.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", feeder_report, count=1)
    narrow = "<style>body { width: 390px; }</style>" if width < 500 else ""
    file.write_text(text.replace("</head>", narrow + MEASURE, 1), encoding="utf-8")
    command = [browser, *QUIET, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--window-size={width},4000", "--dump-dom", file.as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.count("main-svg") >= 9
    found = re.search(r'<pre id="beyond">(.*?)</pre>', ended.stdout)
    assert found is not None
    assert found[1] == "[]"


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_every_figure_is_drawn_without_a_complaint(
    browser: str, report: str, tmp_path: Path, scheme: str, width: int
):
    file = tmp_path / "report.html"
    themed = report.replace("<html", f'<html data-theme="{scheme}"', 1)
    # Headless windows are never narrower than 500 pixels, so that a phone is asked for in CSS.
    narrow = "<style>body { width: 390px; }</style></head>" if width < 500 else "</head>"
    file.write_text(themed.replace("</head>", narrow, 1), encoding="utf-8")
    command = [browser, *QUIET, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--window-size={width},4000", "--dump-dom", file.as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    dom = ended.stdout
    places = re.findall(r'<div class="[^"]*\bplot\b[^"]*" id="plot-\d+"', dom)
    assert len(places) == 9
    assert 'data-figures="drawn"' in dom
    assert "could not be drawn" not in dom.split("</main>")[0]
    for part in dom.split('id="plot-')[1:]:
        assert "main-svg" in part
    assert "<img" not in dom.split("<script>")[0]
    complaints = [line for line in ended.stderr.splitlines() if "CONSOLE" in line]
    assert complaints == []


@pytest.mark.browser
def test_hundreds_of_settings_print_on_a_few_sheets(browser: str, tmp_path: Path):
    rows = [(f"plants.co2_kg_{number}", "0.35") for number in range(500)]
    rows += [(f"days.load_mw_{number}", str([4303.0] * 24)) for number in range(8)]
    figure = figures.profit_comparison({"uncontrolled": 4.0}, currency="EUR")
    about = About("What is it?", Table(("setting", "value"), rows))
    file, sheets = tmp_path / "report.html", tmp_path / "report.pdf"
    text = page("Settings", sections=[Section("Cost", "", figure)], about=about)
    file.write_text(text, encoding="utf-8")
    command = [browser, *QUIET, f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--print-to-pdf={sheets}", "--no-pdf-header-footer", file.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    count = len(re.findall(rb"/Type\s*/Page\b", sheets.read_bytes()))
    assert 3 <= count <= 6  # all of them are there: folded away they would leave one sheet
