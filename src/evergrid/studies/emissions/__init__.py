"""What did the fleet do to carbon, on which ledger, and what does less of it cost?"""

from evergrid.studies.emissions.config import Config
from evergrid.studies.emissions.report import StudyResult as Result
from evergrid.studies.emissions.study import STUDY

run = STUDY.run

__all__ = ["STUDY", "Config", "Result", "run"]
