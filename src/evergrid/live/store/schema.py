"""The tables of the store. A change of them is a migration.

What can name a person stands in `drivers` and `people` alone and can be erased; everything else
holds pseudonyms.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()
Whole = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by INTEGER alone

log = Table(
    "log",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("time_s", Float, nullable=False),
    Column("station", String(48), nullable=False),
    Column("transaction", String(36), nullable=False),
    Column("sequence", Whole),  # NULL for entries that are not numbered
    Column("body", LargeBinary, nullable=False),
)
Index("log_once", log.c.kind, log.c.station, log.c.transaction, log.c.sequence, unique=True)
Index("log_kind", log.c.kind, log.c.number)

stations = Table(
    "stations",
    metadata,
    Column("station", String(48), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("charge_kw", Float, nullable=False),
    Column("discharge_kw", Float, nullable=False),
    Column("voltage_v", Float, nullable=False),
    Column("phases", Integer, nullable=False),
    Column("security_profile", Integer, nullable=False),  # a lower one is refused
    Column("secret_hmac", String(64), nullable=False),  # "" where a certificate is needed
    Column("next_secret_hmac", String(64), nullable=False),  # while a password is being rotated
    Column("serial_number", String(64), nullable=False),  # that the certificate's name must hold
    Column("blocked", Boolean, nullable=False),
    Column("labels", Text, nullable=False),  # JSON
    # SHA-256 of the certificate that counts; "" for any that names the serial number
    Column("certificate", String(64), nullable=False, server_default=""),
    Column("next_certificate", String(64), nullable=False, server_default=""),  # sent, not used yet
)

people = Table(
    "people",
    metadata,
    Column("person", String(64), primary_key=True),  # the name to log in with
    Column("role", String(16), nullable=False),  # operator, viewer, driver
    Column("password_hash", String(256), nullable=False),  # argon2
    Column("driver", String(36), nullable=False),  # pseudonym, for the role driver; else ""
    Column("blocked", Boolean, nullable=False),
    Column("created_s", Float, nullable=False),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256; the token itself is not kept
    Column("person", String(64), ForeignKey("people.person", ondelete="CASCADE"), nullable=False),
    Column("purpose", String(16), nullable=False),  # console, interface
    Column("created_s", Float, nullable=False),
    Column("expires_s", Float, nullable=False),
)

drivers = Table(
    "drivers",
    metadata,
    Column("driver", String(36), primary_key=True),  # pseudonym, which everything else uses
    Column("token_hmac", String(64), nullable=False, index=True),  # of the card or contract
    Column("name", Text, nullable=False),  # erased on request, as contact
    Column("contact", Text, nullable=False),
    Column("may_discharge", Boolean, nullable=False),
    Column("opted_out", Boolean, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("time_s", Float, nullable=False),
    Column("party", String(64), nullable=False, index=True),
    Column("item", Text, nullable=False),
    Column("quantity", Float, nullable=False),
    Column("unit", String(16), nullable=False),
    Column("cents", Whole, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("rule", Text, nullable=False),
    Column("entry", String(128), nullable=False, unique=True),  # booked once only
)

audit = Table(
    "audit",
    metadata,
    Column("number", Whole, primary_key=True),
    Column("time_s", Float, nullable=False),
    Column("person", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
)
