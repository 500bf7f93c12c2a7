"""Which parts of a site take part, with what ratings and rules?"""
