"""How fast a restoration is planned and followed, and how far policies are from the bound."""
