"""Australia: ten FCAS markets paid for enablement every five minutes, and performance payments."""

from datetime import date

from evergrid.markets.rules.constant import Mark, secondary, unverified, verified
from evergrid.markets.rules.product import NO_POWER_BESIDE, ONE_MW, Market, Product

AEMO = "AEMO, market ancillary service specification and settlement guides"
MEMORY = f"{AEMO}, from memory"
STACK = "holding of 5 min for regulation and 10 min for contingency, an assumption"
DISPATCH_H = 5.0 / 60.0
PERFORMANCE_FROM = date(2025, 6, 8)
PERFORMANCE_MARK = Mark.UNVERIFIED  # the form of the payment; its date is verified
MEASURE_WEIGHT = secondary(0.05, f"{AEMO}: frequency measure, as others quote it")
MEASURE_S = secondary(4.0, f"{AEMO}: frequency measure, as others quote it")
ENERGY_MIN = {"regulation": 5.0, "1s": 10.0, "6s": 10.0, "60s": 10.0, "5min": 10.0}
FULL_S = {"regulation": 300.0, "1s": 1.0, "6s": 6.0, "60s": 60.0, "5min": 300.0}
WORDS = {"1s": "1 second", "6s": "6 seconds", "60s": "60 seconds", "5min": "5 minutes"}


def _product(kind: str, way: str) -> Product:
    regulation = kind == "regulation"
    return Product(
        name=f"fcas_{way}_{kind}",
        title=f"FCAS {way} {WORDS.get(kind, kind)}, Australia",
        direction="up" if way == "raise" else "down",
        signal="regulation" if regulation else "calls",
        block_h=verified(DISPATCH_H, AEMO),
        least_mw=unverified(1.0, MEMORY),
        step_mw=unverified(1.0, MEMORY),
        energy_h=unverified(ENERGY_MIN[kind] / 60.0, STACK),
        power_per_mw=ONE_MW,
        opposite_per_mw=NO_POWER_BESIDE,
        full_s=secondary(FULL_S[kind], AEMO),
        first=date(2023, 10, 9) if kind == "1s" else date(2009, 1, 1),
        why="The market of one second began on 9 October 2023."
        if kind == "1s"
        else "Earlier rules are not known here.",
        tariff_mark=Mark.VERIFIED,
    )


KINDS = ("regulation", "1s", "6s", "60s", "5min")
PRODUCTS = tuple(_product(kind, way) for way in ("raise", "lower") for kind in KINDS)
MARKET = Market("australia", "Australia", "Etc/GMT-10", 0.0, "AUD", PRODUCTS)
