"""What should every asset do where emissions count, and what did it emit?"""
