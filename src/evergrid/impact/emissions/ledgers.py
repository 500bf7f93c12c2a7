"""Three ledgers of carbon that answer three questions, kept apart by type.

The location-based ledger says what the grid at hand emitted on the average for the energy used,
the market-based one what the contracts and certificates for that energy say, the consequential one
what would not have been emitted had the fleet done nothing. Adding two of different kinds has no
meaning and fails.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from evergrid.core.units import KG_PER_TONNE
from evergrid.model.time_series.emission_factors import FactorKind


@dataclass(frozen=True)
class AbstractLedger:
    """Carbon on one ledger.

    Attributes:
        kg: CO2; below 0 for less than the baseline, on the consequential ledger only.
        source: Factors that it was counted with.
    """

    kg: float
    source: str

    name: ClassVar[str]
    factor: ClassVar[FactorKind]

    @property
    def tonnes(self) -> float:
        """Emissions in tonnes."""
        return self.kg / KG_PER_TONNE

    def __add__(self, other: object) -> "AbstractLedger":
        """Sum of two entries of this ledger.

        Raises:
            TypeError: The other is of another ledger, or a bare number.
        """
        return self._joined(other, 1.0)

    def __sub__(self, other: object) -> "AbstractLedger":
        """Difference of two entries of this ledger.

        Raises:
            TypeError: The other is of another ledger, or a bare number.
        """
        return self._joined(other, -1.0)

    def _joined(self, other: object, sign: float) -> "AbstractLedger":
        if type(other) is not type(self):
            name = getattr(other, "name", type(other).__name__)
            raise TypeError(
                f"Carbon of the {self.name} ledger and of the {name} one do not add: each answers "
                "another question. Report them side by side."
            )
        assert isinstance(other, AbstractLedger)
        sources = dict.fromkeys([*self.source.split(" + "), *other.source.split(" + ")])
        return type(self)(self.kg + sign * other.kg, " + ".join(sources))


@final
class LocationBasedLedger(AbstractLedger):
    """What the grid at hand emitted on the average, hour by hour, for the energy used."""

    name = "location-based"
    factor: ClassVar[FactorKind] = "average"


@final
class MarketBasedLedger(AbstractLedger):
    """What contracts and certificates matched by the hour say of the energy used."""

    name = "market-based"
    factor: ClassVar[FactorKind] = "residual_mix"


@final
class ConsequentialLedger(AbstractLedger):
    """What was emitted more than in a named baseline, by short-run marginal factors."""

    name = "consequential"
    factor: ClassVar[FactorKind] = "marginal"
