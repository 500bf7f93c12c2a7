"""Which certificate of a station counts, and which takes its place once it is used."""

from alembic import op
from sqlalchemy import Column, String

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Add them to the stations; until one is issued, any that the authority signed counts."""
    for name in ("certificate", "next_certificate"):
        op.add_column("stations", Column(name, String(64), nullable=False, server_default=""))
