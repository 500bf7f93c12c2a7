"""How loops are compiled, and work spread over the cores."""
