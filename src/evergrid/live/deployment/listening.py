"""Where stations connect, as a configuration says, for the service itself and for gateways."""

import ssl
from pathlib import Path

from evergrid.live.config import Config, Listen
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.admission.tls import server_context


def ocpp_settings(config: Config) -> Settings:
    """Bounds and intervals of the central system."""
    return Settings(
        meter_interval_s=config.control.meter_s,
        reactive_power=config.grid_strength is not None,
    )


def tls(listen: Listen) -> ssl.SSLContext | None:
    """TLS of the server; a station's certificate is asked for where an authority is named."""
    if listen.certificate_file is None or listen.key_file is None:
        return None
    authorities = None if listen.station_ca_file is None else Path(listen.station_ca_file)
    return server_context(
        Path(listen.certificate_file), Path(listen.key_file), station_authorities=authorities
    )
