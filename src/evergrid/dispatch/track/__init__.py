"""How does a fleet follow a signal, second by second?"""
