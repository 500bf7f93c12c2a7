"""A broker in memory, which tests cut, mend and make lose frames."""

import random
from collections import defaultdict

from evergrid.live.gateway.broker import AbstractBroker, Take


class Network:
    """What several ends share; `down` ends are cut off, and of the rest a share is lost."""

    def __init__(self, lost: float = 0.0, twice: float = 0.0) -> None:
        self.subjects: dict[str, list[tuple[AbstractBroker, Take]]] = defaultdict(list)
        self.down = False
        self.lost, self.twice = lost, twice
        self.frames = 0
        self.chance = random.Random(7)


class MemoryBroker(AbstractBroker):
    def __init__(self, network: Network) -> None:
        self.network, self.cut = network, False

    @property
    def up(self) -> bool:
        return not (self.cut or self.network.down)

    async def listen(self, subject: str, take: Take) -> None:
        self.network.subjects[subject].append((self, take))

    async def send(self, subject: str, frame: bytes) -> bool:
        if not self.up:
            return False
        network = self.network
        for _ in range(1 + (network.chance.random() < network.twice)):
            if network.chance.random() < network.lost:
                continue
            network.frames += 1
            for broker, take in tuple(network.subjects[subject]):
                if broker.up:
                    take(frame)
        return True

    async def close(self) -> None:
        for ends in self.network.subjects.values():
            ends[:] = [one for one in ends if one[0] is not self]
