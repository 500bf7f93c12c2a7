"""What exists and what happened: frozen records, checked when made, arrays over their rows."""
