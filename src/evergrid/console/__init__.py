"""What does an operator, a viewer or a driver see?"""

from evergrid.console.site import mount

__all__ = ["mount"]
