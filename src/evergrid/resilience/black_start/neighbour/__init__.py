"""What lies beyond the site: the transformer upstream, neighbouring sections and their sources."""
