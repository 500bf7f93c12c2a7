"""How does the frequency of an area move after a loss of generation, with and without a fleet?"""
