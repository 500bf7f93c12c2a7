"""How long does a site get through an outage that begins at any hour?"""
