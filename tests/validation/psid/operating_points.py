"""Operating points and eigenvalues of PowerSimulationsDynamics.jl, commit d94d74e.

Voltage and current at the terminals from `test/results/results_initial_conditions.jl` (V_R and V_I
of bus 2, the last two states of the inverter), eigenvalues from `results_eigenvalues.jl`: one of
each conjugate pair.
"""

from dataclasses import dataclass

from evergrid.resilience.inverter import published
from evergrid.resilience.inverter.circuit import InfiniteBus
from evergrid.resilience.inverter.equilibrium import Equilibrium, scheduled
from evergrid.resilience.inverter.model import AbstractInverter


@dataclass(frozen=True)
class OperatingPoint:
    inverter: AbstractInverter
    voltage: complex
    current: complex
    eigenvalues: tuple[complex, ...]

    @property
    def bus(self) -> InfiniteBus:
        """Behind the same reactance, with the voltage that the published numbers have there."""
        reactance = published.BUS.reactance_pu
        return InfiniteBus(abs(self.voltage - 1j * reactance * self.current), reactance)

    def equilibrium(self) -> Equilibrium:
        power = (self.voltage * self.current.conjugate()).real
        return scheduled(self.inverter, self.bus, power, abs(self.voltage))


DROOP = OperatingPoint(
    published.DROOP,
    0.9999994715292945 + 0.0010312396876354022j,
    0.4999950000656485 + 0.005104713115239256j,
    (
        -2285.984972487398 - 6825.409970531314j,
        -2095.8292998741636 - 6533.139948007082j,
        -1596.153193009681 - 233.6009166562695j,
        -986.970453826522,
        -50.61566828819503,
        -50.24422063249634,
        -33.8405217631388 - 255.4659930547156j,
        -16.35252074296158 - 35.19268456048173j,
        -11.402718862758675,
        -11.30330507373553,
    ),
)
VIRTUAL_SYNCHRONOUS_MACHINE = OperatingPoint(
    published.VIRTUAL_SYNCHRONOUS_MACHINE,
    0.9999994707586406 + 0.0010313084369410759j,
    0.49999500006233566 + 0.005104746403351219j,
    (
        -2285.9589650663725 - 6825.3997886670795j,
        -2095.818014258244 - 6533.140681149019j,
        -1595.4562252195476 - 233.8877642497275j,
        -986.7365548177571,
        -500.00000000000034,
        -471.8999089077167,
        -220.89110522830256,
        -50.32121120551376,
        -50.245608339393456,
        -34.244848184557476 - 260.53071319880445j,
        -11.303322380605753,
        -11.19036178279552,
        -7.691789694217273 - 28.802262759948757j,
        -4.513698394541721,
    ),
)
VIRTUAL_OSCILLATOR = OperatingPoint(
    published.VIRTUAL_OSCILLATOR,
    0.999999468272212 + 0.001031239687603124j,
    0.4999950000499995 + 0.005106292260901783j,
    (
        -19106.442546289385 - 934.4647147389325j,
        -3329.9174222754323 - 9260.892000429274j,
        -2485.781233624116 - 8970.051603768114j,
        -63.81573735157137,
        -50.05223029334411,
        -50.00454175827004,
        -25.314216699043527 - 153.89747578713295j,
        -11.278484582167978,
        -11.188682155010856,
        -4.601482973490769,
    ),
)
GRID_FOLLOWING = OperatingPoint(
    published.GRID_FOLLOWING,
    0.999999471539245 + 0.0010312396876131118j,
    0.4999950000548418 + 0.005104708291136156j,
    (
        -16167.452158969038 - 8.043416230174378j,
        -306.82201246319016 - 5867.887293375189j,
        -258.57819319671626 - 4795.264357598769j,
        -202.1765718936583 - 520.5322326644553j,
        -26.89823743203937 - 74.8261131632425j,
        -14.146571409094378 - 5.185851435997753j,
        -10.131535087046432,
        -1.8914933786938954 - 0.005547477442692941j,
    ),
)
# Initial states of test 23 in their order: angle, filtered powers, loops, filter.
DROOP_STATES = (
    0.19786411039169022,
    0.5025002105975629,
    0.04541511590746641,
    0.0006674495901551267,
    -0.00012674142163426048,
    0.07033253022570093,
    -0.006874509027216917,
    1.0042596423477739,
    -0.09824857967083465,
    0.49251498484008666,
    0.07939912055435007,
    1.0039784789069033,
    0.10108128683191751,
    0.4999950000656485,
    0.005104713115239256,
)
