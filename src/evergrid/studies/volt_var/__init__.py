"""Does V2G spare a feeder's tap changers and capacitor banks, or wear them out?"""

from evergrid.studies.volt_var.config import Config
from evergrid.studies.volt_var.report import StudyResult as Result
from evergrid.studies.volt_var.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]
