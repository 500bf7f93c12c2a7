"""How near plans in whole amperes with few starts come to their bound, and how long they take."""
