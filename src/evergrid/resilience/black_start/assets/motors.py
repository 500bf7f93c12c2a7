"""The motors of load blocks: what they have in common, and when one is taken for stalled."""

from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.units import W_PER_KW
from evergrid.model.microgrid import LoadBlock
from evergrid.resilience.black_start.settings import faults_outside
from evergrid.resilience.machine.induction import InductionMotor, motor_of_power

LEAST_REST = 0.01  # of a block's power, which is no motor: its lights and controls


@dataclass(frozen=True)
class MotorRules:
    """What the motors of all blocks have in common; those of a block count as one.

    They start straight on the line with their block, from rest, and run down when it is dark. The
    numbers are those of a typical small motor, unverified.

    Attributes:
        torque_pu: Of the loads at nominal speed, over the rated one.
        fixed_torque_share: Of it, what does not fall with the speed, as of a compressor; the rest
            falls with its square, as of a fan.
        inertia_s: Energy that turns at nominal speed, over the rating.
        stator_resistance_pu: Of the motors' rating, as the following.
        stator_reactance_pu: Leakage.
        magnetising_reactance_pu: Between stator and rotor.
        rotor_resistance_pu: Seen from the stator.
        rotor_reactance_pu: Leakage, seen from the stator.
        stalled_pu: Speed, over the nominal one, below which a motor is taken for stalled.
        stalled_s: For which that must last; its block is opened then.
    """

    torque_pu: float = 0.7
    fixed_torque_share: float = 0.0
    inertia_s: float = 0.5
    stator_resistance_pu: float = 0.03
    stator_reactance_pu: float = 0.1
    magnetising_reactance_pu: float = 3.2
    rotor_resistance_pu: float = 0.02
    rotor_reactance_pu: float = 0.1
    stalled_pu: float = 0.8
    stalled_s: float = 8.0

    def __post_init__(self) -> None:
        records.check(self, "motors")
        raise_if_any(
            "motors",
            faults_outside(
                self,
                ("torque_pu", 0.05, 2.0, "0.7 to 1 is usual."),
                ("fixed_torque_share", 0.0, 1.0, "Give a fraction, not a percentage."),
                ("inertia_s", 0.02, 20.0, ""),
                ("stator_resistance_pu", 0.0, 1.0, ""),
                ("stator_reactance_pu", 0.005, 1.0, ""),
                ("magnetising_reactance_pu", 0.5, 20.0, ""),
                ("rotor_resistance_pu", 1e-3, 1.0, ""),
                ("rotor_reactance_pu", 0.005, 1.0, ""),
                ("stalled_pu", 0.05, 0.95, ""),
                ("stalled_s", 0.1, 120.0, ""),
            ),
        )
        self.motor(1.0, 50.0, 400.0)

    def motor(self, power_kw: float, nominal_hz: float, nominal_v: float) -> InductionMotor:
        """A motor that draws a power once it runs.

        Raises:
            InputError: A load that it cannot turn.
        """
        return motor_of_power(
            W_PER_KW * power_kw,
            nominal_hz,
            nominal_v,
            stator_resistance_pu=self.stator_resistance_pu,
            stator_reactance_pu=self.stator_reactance_pu,
            magnetising_reactance_pu=self.magnetising_reactance_pu,
            rotor_resistance_pu=self.rotor_resistance_pu,
            rotor_reactance_pu=self.rotor_reactance_pu,
            inertia_s=self.inertia_s,
            torque_pu=self.torque_pu,
            fixed_torque_share=self.fixed_torque_share,
        )


@dataclass(frozen=True)
class BlockMotor:
    """The motors of one block.

    Attributes:
        block: Its name.
        name: Of the motors.
        motor: All of them as one.
        power_kw: That they draw once they run.
    """

    block: str
    name: str
    motor: InductionMotor
    power_kw: float


def block_motor(
    block: LoadBlock, rules: MotorRules, nominal_hz: float, nominal_v: float
) -> BlockMotor:
    """The motors of a block by its share of them."""
    power_kw = min(block.motor_share, 1.0 - LEAST_REST) * block.power_kw
    motor = rules.motor(power_kw, nominal_hz, nominal_v)
    return BlockMotor(block.name, f"motors of {block.name}", motor, power_kw)
