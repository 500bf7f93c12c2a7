"""How results are shown: figures, and one self-contained HTML page that holds them."""
