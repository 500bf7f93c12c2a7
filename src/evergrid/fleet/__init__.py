"""When is a vehicle there, with what energy, and how like the real thing is our answer?"""
