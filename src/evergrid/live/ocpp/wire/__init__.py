"""What does a message of OCPP look like on the wire, and is it one?"""
