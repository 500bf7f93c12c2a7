"""Figures of plans: money, sites, vehicles, curtailment."""
