"""May this be done, before it is done?"""
