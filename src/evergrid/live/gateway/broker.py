"""What carries frames between processes of a service: at most once, in order, while it is up."""

from abc import ABC, abstractmethod
from collections.abc import Callable

Take = Callable[[bytes], None]


class AbstractBroker(ABC):
    """A server of messages; what is sent while it is down is lost, and is sent again by others."""

    @property
    @abstractmethod
    def up(self) -> bool:
        """Whether frames get through, as far as is known."""

    @abstractmethod
    async def listen(self, subject: str, take: Take) -> None:
        """Take every frame of a subject from now on."""

    @abstractmethod
    async def send(self, subject: str, frame: bytes) -> bool:
        """Send a frame; False where it certainly did not leave."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of it."""


def controller_subject(service: str) -> str:
    """Where the controller of a service listens."""
    return f"evergrid.{service}.controller"


def gateways_subject(service: str) -> str:
    """Where all gateways of a service listen."""
    return f"evergrid.{service}.gateways"


def gateway_subject(service: str, gateway: str) -> str:
    """Where one gateway listens."""
    return f"evergrid.{service}.gateway.{gateway}"
