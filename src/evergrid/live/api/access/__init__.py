"""Who may do what, how often, and what each request passes."""
