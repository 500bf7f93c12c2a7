"""How fast is a black start simulated, second by second?"""
