"""Does the central system hold its stations, their events and its orders, under load?"""
