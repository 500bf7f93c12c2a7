"""The runbook as a sheet to print and hang beside the breakers."""

from evergrid.report.page import About, Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies.black_start.config import Config
from evergrid.studies.black_start.results import BlackStartResults

PRINTED = """<style>
table { table-layout: auto; }
td { vertical-align: top; white-space: normal; }
@media print {
  header { margin-bottom: 10px; }
  h1 { font-size: 17pt; }
  table { font-size: 9pt; line-height: 1.3; }
  th, td { padding: 3px 8px; }
}
</style>
"""
COLUMNS = ("step", "at, s", "who", "action", "check", "abort when, and then")


def table(found: BlackStartResults) -> Table:
    """The steps as rows."""
    rows = [
        (str(one.step), f"{one.time_s:.1f}", one.who, one.action, one.check, one.abort)
        for one in found.runbook
    ]
    return Table(COLUMNS, rows)


def page(config: Config, found: BlackStartResults) -> str:
    """The sheet as HTML that asks for no network."""
    start = found.start
    site = start.circuit.site
    sections = found.sections
    there = sum(one.units_connected for one in sections)
    of_units = sum(one.units for one in sections)
    demand_kw = sum(one.demand_kw for one in sections)
    sheet = html_page(
        f"Runbook: {config.title}",
        headline=[
            Headline("Nominal", f"{site.nominal_v:g}", "V", f"{site.nominal_hz:g} Hz"),
            Headline("Units", str(there), "", f"of {of_units} that form the grid"),
            Headline("Demand", f"{demand_kw:,.4g}", "kW", f"{len(start.circuit.blocks)} blocks"),
        ],
        sections=[
            Section(
                "Steps",
                "Times are those of the simulation; each step waits for its check. Nobody closes a "
                "breaker between two live parts by hand.",
                table(found),
            )
        ],
        about=About(question="Keep this sheet on paper: the network may be down, too."),
    )
    return sheet.replace("</head>", f"{PRINTED}</head>", 1)
