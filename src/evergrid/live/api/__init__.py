"""Who may see and do what over HTTP?"""
