"""The configuration of the live service: one TOML file, whose keys are checked when it is read."""

from ipaddress import ip_address
from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.inputs.regulation import Award, Market
from evergrid.inputs.tables import PriceSource, SiteEntry
from evergrid.live.gateway.entry import GatewaySettings
from evergrid.live.signals.brokers.entry import MqttEntry, NatsEntry
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.model.chargers import LEAST_A


class Listen(BaseConfig):
    """Where the service can be reached."""

    address: str = "127.0.0.1"
    """Of the machine; anything but the machine itself needs a certificate."""
    ocpp_port: int = Field(default=9000, ge=0, le=65535)
    """For charging stations; 0 for any that is free."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    """For the console and the interface; 0 for any that is free."""
    certificate_file: str | None = Field(default=None, examples=["server.pem"])
    """Certificate of the server with its chain, PEM."""
    key_file: str | None = Field(default=None, examples=["server.key"])
    """Its key, PEM."""
    station_ca_file: str | None = Field(default=None, examples=["stations-ca.pem"])
    """Authority that signs certificates of stations, for security profile 3."""

    @property
    def only_here(self) -> bool:
        """Whether nobody but this machine can connect."""
        return self.address == "localhost" or ip_address(self.address).is_loopback

    @model_validator(mode="after")
    def _certificate_off_this_machine(self) -> "Listen":
        try:
            here = self.only_here
        except ValueError:
            fault = Fault("address", "be an IP address or localhost", (self.address,))
            raise ConfigError("config", [fault]) from None
        if not here and (self.certificate_file is None or self.key_file is None):
            fix = "Give certificate_file and key_file, or listen on 127.0.0.1."
            rule = "come with a certificate where other machines can connect"
            raise ConfigError("config", [Fault("address", rule, (self.address,), fix=fix)])
        return self


class StationEntry(BaseConfig):
    """One charging station."""

    station: str = Field(examples=["depot-1"], pattern=r"^[A-Za-z0-9_.:+|@=*-]{1,48}$")
    """Its identity, the last part of the address that it connects to."""
    site: str = Field(examples=["depot"], min_length=1)
    """Site that it is connected to."""
    charge_kw: float = Field(examples=[11.0], gt=0, le=1000)
    """Its rating."""
    discharge_kw: float = Field(default=0.0, ge=0, le=1000)
    """Its rating; 0 where it cannot feed."""
    phases: Literal[1, 3] = 3
    """That it is connected to."""
    security_profile: Literal[0, 1, 2, 3] = 1
    """Of OCPP: 1 password, 2 password over TLS, 3 certificate; 0 and 1 on this machine only."""
    serial_number: str = ""
    """That the name in its certificate must hold; for profile 3."""


class EnvelopeEntry(BaseConfig):
    """A site whose limits a utility sends, and what holds where it has sent none."""

    site: str = Field(examples=["depot"], min_length=1)
    """The site."""
    import_limit_kw: float = Field(examples=[50.0], ge=0, le=1e6)
    """It may draw so much without a limit that was sent, or once that is over."""
    export_limit_kw: float = Field(default=0.0, ge=0, le=1e6)
    """It may feed so much then."""


class VehicleSettings(BaseConfig):
    """What is assumed where a vehicle does not say."""

    capacity_kwh: float = Field(default=60.0, gt=0, le=2000)
    """Of its cells."""
    stay_h: float = Field(default=8.0, gt=0, le=168)
    """How long it stays."""
    efficiency: float = Field(default=0.95, gt=0.5, le=1)
    """One way, between cells and plug."""
    wear_cost_per_kwh: float = Field(default=0.02, ge=0)
    """Of a kWh fed, in the currency of the prices."""
    taper_soc: float = Field(default=0.9, ge=0.5, le=1)
    """Above which vehicles charge slower and slower, so that what is owed is begun earlier."""
    margin_share: float = Field(default=0.01, ge=0, le=0.2)
    """Of the capacity, charged beyond what is owed: a soc in whole percent tells no better."""


class Control(BaseConfig):
    """How stations are told what to do."""

    tick_s: Literal[1, 2, 5, 10] = 2
    """Between two decisions; scores compare every ten seconds."""
    latency_s: float = Field(default=0.2, ge=0, le=10)
    """Until an order takes effect."""
    least_current_a: float = Field(default=LEAST_A, ge=0, le=32)
    """Below which a charger gives nothing, by phase."""
    step_a: float = Field(default=1.0, gt=0, le=16)
    """By which its current is set."""
    switch_limit: int = Field(default=20, ge=6, le=1000)
    """Contactor operations of a charger in a day that following may cause."""
    meter_s: int = Field(default=60, ge=5, le=900)
    """Between two meter values of a vehicle that charges."""
    offline_s: int = Field(default=60, ge=10, le=3600)
    """For which a station follows its last order while it is not connected."""
    most_step_kw: float = Field(default=1e9, gt=0)
    """By which all orders of a tick together may change the power of the fleet."""
    retry_s: float = Field(default=60.0, ge=5, le=3600)
    """After which a station that refused an order is asked again."""


class Planning(BaseConfig):
    """How plans are made."""

    step_min: float = Field(default=30.0, ge=5, le=60)
    """Length of a step; an hour is a whole number of steps."""
    horizon_h: float = Field(default=24.0, ge=2, le=72)
    """How far a plan looks."""
    lead_s: float = Field(default=20.0, ge=1, le=600)
    """Before an hour begins its plan is started."""
    time_limit_s: float = Field(default=15.0, gt=0, le=600)
    """For each solve."""

    @model_validator(mode="after")
    def _whole_hours(self) -> "Planning":
        if abs(60 / self.step_min % 1) > 1e-9 or abs(self.horizon_h % 1) > 1e-9:
            fix = "Choose steps of 5, 10, 15, 20, 30 or 60 minutes, and whole hours."
            rule = "divide an hour, and horizon_h be whole hours"
            raise ConfigError("config", [Fault("step_min", rule, (self.step_min,), fix=fix)])
        return self


class SignalSource(BaseConfig):
    """The signal that is followed, from one source."""

    file: str | None = Field(default=None, examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd), played; relative to this file."""
    start: str | None = Field(default=None, examples=["2020-07-16T04:00:00Z"])
    """Moment of the file's first value; when the service starts where absent."""
    mqtt: MqttEntry | None = None
    """A topic of an MQTT broker."""
    nats: NatsEntry | None = None
    """A subject of a NATS server."""
    iec104: Iec104Entry | None = None
    """Set-points of a control centre over its own line, IEC 60870-5-104."""

    @model_validator(mode="after")
    def _one_source(self) -> "SignalSource":
        names = ("file", "mqtt", "nats", "iec104")
        given = tuple(name for name in names if getattr(self, name) is not None)
        if len(given) != 1:
            fix = "Give file, [signal.mqtt], [signal.nats] or [signal.iec104]."
            raise ConfigError("config", [Fault("signal", "have one source", given, fix=fix)])
        return self


class Ledger(BaseConfig):
    """Who gets what."""

    driver_share: float = Field(default=0.7, ge=0, le=1)
    """Of what services earn, to drivers by what each held ready."""


class Config(BaseConfig):
    """The configuration of the live service."""

    title: str = "Evergrid"
    """Heading of the console."""
    time_zone: str = "UTC"
    """IANA name of the clock that the console shows, such as Europe/Oslo."""
    listen: Listen = Listen()
    """Where the service can be reached."""
    store: str = "evergrid-live/store.sqlite"
    """File of the store, relative to this file, or the address of a PostgreSQL data base."""
    store_key_file: str | None = Field(default=None, examples=["evergrid-live/store.key"])
    """Key of secrets; beside the store by default, to be named with PostgreSQL."""
    store_password_file: str | None = Field(default=None, examples=["evergrid-live/password"])
    """File that holds nothing but the password of the PostgreSQL data base."""
    store_ca_file: str | None = Field(default=None, examples=["database-ca.pem"])
    """Authority that signs the PostgreSQL server's certificate; those of the system by default."""
    gateways: GatewaySettings = GatewaySettings()
    """Processes that hold the stations' connections."""
    site: tuple[SiteEntry, ...]
    """Sites that stations are connected to."""
    station: tuple[StationEntry, ...] = ()
    """Charging stations."""
    battery: tuple[ModbusBatteryEntry, ...] = ()
    """Stationary batteries that speak SunSpec."""
    envelope: tuple[EnvelopeEntry, ...] = ()
    """Sites whose limits a utility sends."""
    vehicle: VehicleSettings = VehicleSettings()
    """What is assumed where a vehicle does not say."""
    control: Control = Control()
    """How stations are told what to do."""
    planning: Planning = Planning()
    """How plans are made."""
    prices: PriceSource
    """What energy costs."""
    signal: SignalSource | None = None
    """The signal that is followed; energy alone is planned without one."""
    market: Market | None = None
    """The market that regulation is sold to; nothing is offered without one."""
    award: Award = Award()
    """What is offered of what the plan holds."""
    ledger: Ledger = Ledger()
    """Who gets what."""

    @model_validator(mode="after")
    def _known_sites(self) -> "Config":
        zone(self.time_zone)
        known = {site.site_id for site in self.site}
        faults = []
        for name, entries in (
            ("station", self.station),
            ("battery", self.battery),
            ("envelope", self.envelope),
        ):
            unknown = tuple(one.site for one in entries if one.site not in known)
            if unknown:
                fix = "Add a [[site]] of that name, or correct the name."
                rule = "be the site_id of a [[site]]"
                faults.append(Fault(f"{name}.site", rule, unknown, fix=fix))
        names = [one.station for one in (*self.station, *self.battery)]
        again = tuple(sorted({name for name in names if names.count(name) > 1}))
        if again:
            faults.append(Fault("station.station", "be unique", again))
        if self.market is not None and self.signal is None:
            faults.append(Fault("signal", "be given where there is a [market]"))
        if faults:
            raise ConfigError("config", faults)
        return self
