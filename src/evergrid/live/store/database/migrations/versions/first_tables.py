"""The first tables: log, stations, people, access tokens, drivers, ledger, audit."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
)

revision = "1"
down_revision = None

Whole = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "log",
        Column("number", Whole, primary_key=True),
        Column("kind", String(32), nullable=False),
        Column("time_s", Float, nullable=False),
        Column("station", String(48), nullable=False),
        Column("transaction", String(36), nullable=False),
        Column("sequence", Whole),
        Column("body", LargeBinary, nullable=False),
    )
    once = ["kind", "station", "transaction", "sequence"]
    op.create_index("log_once", "log", once, unique=True)
    op.create_index("log_kind", "log", ["kind", "number"])
    op.create_table(
        "stations",
        Column("station", String(48), primary_key=True),
        Column("site", String(64), nullable=False),
        Column("charge_kw", Float, nullable=False),
        Column("discharge_kw", Float, nullable=False),
        Column("voltage_v", Float, nullable=False),
        Column("phases", Integer, nullable=False),
        Column("security_profile", Integer, nullable=False),
        Column("secret_hmac", String(64), nullable=False),
        Column("next_secret_hmac", String(64), nullable=False),
        Column("serial_number", String(64), nullable=False),
        Column("blocked", Boolean, nullable=False),
        Column("labels", Text, nullable=False),
    )
    op.create_table(
        "people",
        Column("person", String(64), primary_key=True),
        Column("role", String(16), nullable=False),
        Column("password_hash", String(256), nullable=False),
        Column("driver", String(36), nullable=False),
        Column("blocked", Boolean, nullable=False),
        Column("created_s", Float, nullable=False),
    )
    op.create_table(
        "access_tokens",
        Column("token_hash", String(64), primary_key=True),
        Column(
            "person", String(64), ForeignKey("people.person", ondelete="CASCADE"), nullable=False
        ),
        Column("purpose", String(16), nullable=False),
        Column("created_s", Float, nullable=False),
        Column("expires_s", Float, nullable=False),
    )
    op.create_table(
        "drivers",
        Column("driver", String(36), primary_key=True),
        Column("token_hmac", String(64), nullable=False),
        Column("name", Text, nullable=False),
        Column("contact", Text, nullable=False),
        Column("may_discharge", Boolean, nullable=False),
        Column("opted_out", Boolean, nullable=False),
    )
    op.create_index("ix_drivers_token_hmac", "drivers", ["token_hmac"])
    op.create_table(
        "ledger",
        Column("number", Whole, primary_key=True),
        Column("time_s", Float, nullable=False),
        Column("party", String(64), nullable=False),
        Column("item", Text, nullable=False),
        Column("quantity", Float, nullable=False),
        Column("unit", String(16), nullable=False),
        Column("cents", Whole, nullable=False),
        Column("currency", String(3), nullable=False),
        Column("rule", Text, nullable=False),
        Column("entry", String(128), nullable=False, unique=True),
    )
    op.create_index("ix_ledger_party", "ledger", ["party"])
    op.create_table(
        "audit",
        Column("number", Whole, primary_key=True),
        Column("time_s", Float, nullable=False),
        Column("person", String(64), nullable=False),
        Column("address", String(64), nullable=False),
        Column("action", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("outcome", String(16), nullable=False),
    )
