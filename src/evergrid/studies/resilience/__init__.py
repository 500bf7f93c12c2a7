"""How soon and how far does a site recover when the grid is gone, and what do vehicles change?"""
