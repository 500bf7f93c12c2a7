"""Day-ahead prices of the Netherlands, as published for every hour."""

from evergrid.data.prices.price_format import PriceFormat

FORMAT = PriceFormat(
    name="nl_dayahead",
    title="Day-ahead price",
    time="time_utc",
    price="price_eur_mwh",
    currency="EUR",
    licence_class="A",
    licence="MIT in the package it comes in; CC BY 4.0 at the source",
    origin="ENTSO-E, in the layout of Ember's European wholesale price file",
)
read = FORMAT.read
