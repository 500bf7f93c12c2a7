"""Who may log in, under which token, and what did they do?"""
