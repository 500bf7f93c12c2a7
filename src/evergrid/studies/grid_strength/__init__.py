"""Where does reactive power move the voltage, where will droop hunt, and what slope is safe?"""

from evergrid.studies.grid_strength.study import OUTPUTS, QUESTION, Config, Result, run

__all__ = ["OUTPUTS", "QUESTION", "Config", "Result", "run"]
