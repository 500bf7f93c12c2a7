"""How fast fleets age: tables, formulas, and BLAST-Lite on the same profiles."""
