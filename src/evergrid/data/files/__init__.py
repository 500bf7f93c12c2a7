"""How files are read: tables cell by cell, columns, paths, and what is refused before that."""
