"""Names and texts of others, as messages show them."""
