"""How fast is Evergrid, on what, against whom? One package for each thing that is timed."""
