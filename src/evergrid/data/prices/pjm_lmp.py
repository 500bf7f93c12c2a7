"""Hourly real-time locational marginal prices of PJM."""

from evergrid.data.prices.price_format import PriceFormat

FORMAT = PriceFormat(
    name="pjm_lmp",
    title="Real-time hourly LMP",
    time="time_begin_utc",
    price="total_lmp_rt",  # energy, congestion and losses
    currency="USD",
    licence_class="C",
    licence="PJM terms restrict redistribution",
    origin="PJM Interconnection",
)
read = FORMAT.read
