"""How does this side get the certificate that it shows, whatever the connection is for?"""

import ssl
from pathlib import Path

NO_PASSWORD = ""  # for a key that has one is refused: nobody is there to be asked for it


def load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Show a certificate on every connection of a context.

    Args:
        context: Of the connections.
        certificate: With its chain, PEM.
        key: Of the certificate, PEM without a password.

    Raises:
        OSError: A file cannot be read, holds something else, or is of another certificate.
    """
    context.load_cert_chain(certificate, key, NO_PASSWORD)
