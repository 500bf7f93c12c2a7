"""Which markets have rules here, and their products by name."""

from evergrid.core.records import known
from evergrid.markets.rules import (
    australia,
    caiso,
    continental_europe,
    great_britain,
    nordic,
    nyiso,
    pjm,
)
from evergrid.markets.rules.product import Market, Product

MARKETS: tuple[Market, ...] = tuple(
    module.MARKET
    for module in (pjm, caiso, nyiso, continental_europe, nordic, great_britain, australia)
)
PRODUCTS: dict[str, Product] = {one.name: one for market in MARKETS for one in market.products}
MARKET_OF: dict[str, Market] = {one.name: market for market in MARKETS for one in market.products}


def product(name: str) -> Product:
    """The product of that name.

    Raises:
        InputError: There is none.
    """
    return known(name, PRODUCTS, "product")
