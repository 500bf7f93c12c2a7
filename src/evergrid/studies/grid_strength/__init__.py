"""Where does reactive power move the voltage, where will droop hunt, and what slope is safe?"""

from evergrid.studies.grid_strength.config import Config
from evergrid.studies.grid_strength.report import StudyResult as Result
from evergrid.studies.grid_strength.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]
