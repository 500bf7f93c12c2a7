"""The configuration of the live service: one TOML file, whose keys are checked when it is read."""

from datetime import date
from ipaddress import ip_address
from typing import Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from evergrid.core.arrays import Array, Shaped
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.fleet.history.past_days import Gaps
from evergrid.inputs.regulation import Award, Market
from evergrid.inputs.tables import SiteEntry
from evergrid.live.gateway.entry import GatewaySettings
from evergrid.live.signals.brokers.entry import MqttEntry, NatsEntry
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.price_entry import LivePriceSource
from evergrid.live.sunspec.entry import ModbusBatteryEntry
from evergrid.model.charging.chargers import LEAST_A


class Listen(BaseConfig):
    """Where the service can be reached."""

    address: str = "127.0.0.1"
    """Of the machine; anything but the machine itself needs a certificate."""
    ocpp_port: int = Field(default=9000, ge=0, le=65535)
    """For charging stations; 0 for any that is free."""
    http_port: int = Field(default=8080, ge=0, le=65535)
    """For the console and the interface; 0 for any that is free."""
    certificate_file: str | None = Field(default=None, examples=["server.pem"])
    """Certificate of the server with its chain, PEM; relative to this file."""
    key_file: str | None = Field(default=None, examples=["server.key"])
    """Its key, PEM without a password; relative to this file."""
    station_ca_file: str | None = Field(default=None, examples=["stations-ca.pem"])
    """Authority that signs certificates of stations, for security profile 3; relative to this
    file."""

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
    """Rating of each outlet."""
    discharge_kw: float = Field(default=0.0, ge=0, le=1000)
    """Rating of each outlet; 0 where it cannot feed."""
    outlets: int = Field(default=1, ge=1, le=16)
    """How many vehicles it can charge at once (EVSEs, numbered from 1)."""
    station_kw: float | None = Field(default=None, gt=0, le=10_000, examples=[22.0])
    """Most that all outlets together may draw, and feed; no limit but the site's where absent."""
    direct_current: bool = False
    """Whether its outlets are of direct current, which have no least current."""
    phases: Literal[1, 3] = 3
    """That it is connected to."""
    security_profile: Literal[0, 1, 2, 3] = 1
    """Of OCPP: 1 password, 2 password over TLS, 3 certificate; 0 and 1 on this machine only."""
    serial_number: str = ""
    """That the name in its certificate must hold; for profile 3."""


class CertificateAuthorityEntry(BaseConfig):
    """Signs certificates of stations that ask for one (SignCertificate)."""

    certificate_file: str = Field(examples=["stations-ca.pem"], min_length=1)
    """Its certificate, PEM, with those between it and the root after it; relative to this file."""
    key_file: str = Field(examples=["stations-ca.key"], min_length=1)
    """Its key, PEM without a password, for its owner alone; relative to this file."""
    organisation: str = Field(default="", max_length=64, examples=["Depot Ltd"])
    """That requests must name (O); any where absent."""
    valid_days: int = Field(default=365, ge=1, le=1830)
    """For which a certificate is good, and never longer than the authority's own."""


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
    openadr: str | None = Field(default=None, examples=["flex-1"])
    """Set-points of the [[openadr]] of this program_id, as a share of its dispatch_full_kw."""

    @model_validator(mode="after")
    def _one_source(self) -> "SignalSource":
        names = ("file", "mqtt", "nats", "iec104", "openadr")
        given = tuple(name for name in names if getattr(self, name) is not None)
        if len(given) != 1:
            fix = "Give file, openadr, [signal.mqtt], [signal.nats] or [signal.iec104]."
            raise ConfigError("config", [Fault("signal", "have one source", given, fix=fix)])
        return self


class OfferRules(BaseConfig):
    """How sure offers are, and from which days."""

    confidence: float = Field(default=0.9, ge=0.5, lt=1)
    """Share of the hours in which what past days promise is really there."""
    guarantee: Literal["asymptotic", "proven"] = "asymptotic"
    """As in a study of firm capacity: "asymptotic" follows a fleet that changes, "proven" holds
    whatever the distribution, if days are exchangeable."""
    holidays: tuple[str, ...] = Field(default=(), examples=[["2026-12-25"]])
    """Days off beside weekends, past and coming; nothing is offered on them, nor just before."""
    gaps: Gaps = "missing"
    """A week or more without a vehicle: "missing" from the record, as when the service stood still,
    an "idle" fleet, or a reason to "refuse" the record."""
    history_days: int = Field(default=400, ge=60, le=1100)
    """How far back past stays are read."""

    @field_validator("holidays", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            return tuple(v.isoformat() if isinstance(v, date) else v for v in value)
        return value

    @model_validator(mode="after")
    def _dates(self) -> "OfferRules":
        self.days_off()
        return self

    def days_off(self) -> Shaped[Array, " holiday"]:
        """The holidays as dates.

        Raises:
            ConfigError: A text that is no date.
        """
        try:
            days = [date.fromisoformat(day) for day in self.holidays]
        except ValueError:
            rule = "be dates such as 2026-12-25"
            raise ConfigError("config", [Fault("holidays", rule, self.holidays)]) from None
        return np.array(days, dtype="datetime64[D]")


class StationBus(BaseConfig):
    """At which bus of the studied feeder stations are."""

    bus: str = Field(examples=["675"], min_length=1)
    """Name of the bus in the table."""
    site: str | None = Field(default=None, examples=["depot"])
    """All stations of this site; a site without an entry is at the bus of its own name."""
    station: str | None = Field(default=None, examples=["depot-1"])
    """This station alone."""

    @model_validator(mode="after")
    def _one(self) -> "StationBus":
        given = tuple(name for name in ("site", "station") if getattr(self, name) is not None)
        if len(given) != 1:
            raise ConfigError("config", [Fault("at", "name a site or a station", given)])
        return self


class GridStrengthSource(BaseConfig):
    """Slopes by which stations answer to voltage by themselves, from a grid strength study."""

    file: str = Field(examples=["results"], min_length=1)
    """Results of the study, or its table inverters; relative to this file."""
    at: tuple[StationBus, ...] = ()
    """Where stations are."""
    slope: float | None = Field(default=None, examples=[5.0], gt=0, le=100)
    """Reactive power over rating per voltage in pu, in place of the advised slopes; stations where
    it is steeper than advised get none."""
    deadband_pu: float = Field(default=0.02, ge=0, le=0.1)
    """Deviation from nominal voltage up to which nothing is done."""
    most_share: float = Field(default=0.44, gt=0, le=1)
    """Greatest reactive power over rating."""
    response_s: float = Field(default=5.0, gt=0, le=90)
    """Until nine tenths of a change are there."""
    meter_values: int = Field(default=3, ge=1, le=100)
    """In a row that contradict a curve, after which a station is said not to respond."""
    check_s: float = Field(default=60.0, ge=1, le=86_400)
    """Between two looks at the table."""


class FrequencyDroopEntry(BaseConfig):
    """How stations answer to frequency by themselves."""

    product: str = "droop"
    """"fcr" or "fcr_n" of the rule books, or "droop" for your own."""
    deadband_hz: float = Field(default=0.01, ge=0)
    """Of your own droop: deviation up to which nothing is done."""
    full_hz: float = Field(default=0.2, gt=0)
    """Of your own droop: deviation at which all of the power is due."""
    nominal_hz: Literal[50, 60] = 50
    """Of the grid."""
    response_s: float = Field(default=1.0, gt=0, le=90)
    """Until nine tenths of a change are there."""

    @model_validator(mode="after")
    def _band(self) -> "FrequencyDroopEntry":
        if self.deadband_hz >= self.full_hz:
            fault = Fault("deadband_hz", "be below full_hz", (self.deadband_hz,))
            raise ConfigError("config", [fault])
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
    openadr: tuple[OpenAdrEntry, ...] = ()
    """Programs of OpenADR 3 whose events are followed."""
    vehicle: VehicleSettings = VehicleSettings()
    """What is assumed where a vehicle does not say."""
    control: Control = Control()
    """How stations are told what to do."""
    planning: Planning = Planning()
    """How plans are made."""
    prices: LivePriceSource
    """What energy costs."""
    signal: SignalSource | None = None
    """The signal that is followed; energy alone is planned without one."""
    market: Market | None = None
    """The market that regulation is sold to; nothing is offered without one."""
    award: Award = Award()
    """What is offered of what the plan holds."""
    offer: OfferRules = OfferRules()
    """How sure offers are, and from which days."""
    grid_strength: GridStrengthSource | None = None
    """How stations answer to voltage by themselves; they do not without it."""
    frequency_droop: FrequencyDroopEntry | None = None
    """How stations answer to frequency by themselves; they do not without it."""
    certificate_authority: CertificateAuthorityEntry | None = None
    """Who signs certificates of stations; their requests are rejected without it."""
    ledger: Ledger = Ledger()
    """Who gets what."""

    @model_validator(mode="after")
    def _trusted_authority(self) -> "Config":
        if self.certificate_authority is not None and self.listen.station_ca_file is None:
            fix = "Give station_ca_file, and name the authority in it."
            rule = "be given where certificates are signed, or nobody could connect with one"
            raise ConfigError("config", [Fault("listen.station_ca_file", rule, fix=fix)])
        return self

    @model_validator(mode="after")
    def _known_sites(self) -> "Config":
        zone(self.time_zone)
        known = {site.site_id for site in self.site}
        faults = []
        for name, entries in (
            ("station", self.station),
            ("battery", self.battery),
            ("envelope", self.envelope),
            ("openadr", self.openadr),
        ):
            unknown = tuple(one.site for one in entries if one.site not in known)
            if unknown:
                fix = "Add a [[site]] of that name, or correct the name."
                rule = "be the site_id of a [[site]]"
                faults.append(Fault(f"{name}.site", rule, unknown, fix=fix))
        faults += self._unknown_places(known)
        names = [one.station for one in (*self.station, *self.battery)]
        again = tuple(sorted({name for name in names if names.count(name) > 1}))
        if again:
            faults.append(Fault("station.station", "be unique", again))
        if self.market is not None and self.signal is None:
            faults.append(Fault("signal", "be given where there is a [market]"))
        faults += _openadr_faults(self)
        if faults:
            raise ConfigError("config", faults)
        return self

    def _unknown_places(self, sites: set[str]) -> list[Fault]:
        """Entries of [[grid_strength.at]] that name no site; stations may be in the store alone."""
        at = () if self.grid_strength is None else self.grid_strength.at
        unknown = tuple(one.site for one in at if one.site is not None and one.site not in sites)
        rule = "be the site_id of a [[site]]"
        return [Fault("grid_strength.at.site", rule, unknown)] if unknown else []


def _openadr_faults(config: Config) -> list[Fault]:
    """Programs that cannot be followed as they are configured."""
    faults, programs = [], [one.program_id for one in config.openadr]
    again = tuple(sorted({name for name in programs if programs.count(name) > 1}))
    if again:
        faults.append(Fault("openadr.program_id", "be unique", again))
    priced = tuple(one.program_id for one in config.openadr if "prices" in one.follows)
    if len(priced) > 1:
        faults.append(Fault("openadr.follows", 'have "prices" in one program only', priced))
    limited = [one.site for one in config.openadr if "limits" in one.follows]
    again = tuple(sorted({site for site in limited if limited.count(site) > 1}))
    if again:
        rule = "be limited by one program only"
        faults.append(Fault("openadr.site", rule, again, fix="Set follows = [] for the others."))
    without = tuple(sorted(set(limited) - {one.site for one in config.envelope}))
    if without:
        fix = "Add an [[envelope]] of that site, which says what holds without an event."
        faults.append(Fault("openadr.site", "be the site of an [[envelope]]", without, fix=fix))
    named = None if config.signal is None else config.signal.openadr
    if named is None:
        return faults
    found = [one for one in config.openadr if one.program_id == named]
    if not found:
        rule = "be the program_id of an [[openadr]]"
        faults.append(Fault("signal.openadr", rule, (named,), tuple(programs)))
    elif found[0].dispatch_full_kw is None or found[0].dispatch_sign is None:
        rule = "have dispatch_sign and dispatch_full_kw where its set-points are the signal"
        faults.append(Fault("openadr", rule, (named,)))
    if config.market is None:
        fix = "Add a [market]: a set-point is followed as a share of what is awarded."
        faults.append(Fault("signal.openadr", "come with a [market]", (named,), fix=fix))
    return faults
