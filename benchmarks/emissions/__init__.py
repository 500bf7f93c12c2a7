"""How fast is the least carbon of a fleet found?"""
