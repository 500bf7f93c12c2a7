"""How fast islands of 4, 8 and 16 inverters are simulated in dq, against solvers of SciPy."""
