"""How do voltage and frequency of an island move over minutes, and what ends it?

Phasors of fundamental frequency: the network is algebraic, converters are REGFM_A1 or follow, a
diesel set has a swing equation. Stability of inner loops is not seen here; ask
`evergrid.resilience.inverter`. REGFM_B1 is left out: no public numbers test it.
"""
