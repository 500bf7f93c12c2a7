"""How does a site go on while its gateway does not reach the controller?"""
