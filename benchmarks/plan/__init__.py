"""How long does the best plan of a fleet take, against an exact solver on the same problem?"""
