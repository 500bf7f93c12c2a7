"""How long do batteries live with and without V2G, in which climate, and what ages them?"""

from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.report import StudyResult as Result
from evergrid.studies.battery_life.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]
