"""How do machines that turn behave in an island: generators with engines, induction motors?"""
