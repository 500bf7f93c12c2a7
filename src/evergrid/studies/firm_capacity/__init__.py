"""How much power can a fleet promise for the coming days, and how sure is that?"""

from evergrid.studies.firm_capacity.study import OUTPUTS, QUESTION, Config, Result, run

__all__ = ["OUTPUTS", "QUESTION", "Config", "Result", "run"]
