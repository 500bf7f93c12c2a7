"""What does a configuration mean on this machine: which store, sockets and processes?"""
