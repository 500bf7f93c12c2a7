"""How much power can a fleet promise for the coming days, and how sure is that?"""

from evergrid.studies.firm_capacity.config import Config
from evergrid.studies.firm_capacity.report import StudyResult as Result
from evergrid.studies.firm_capacity.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]
