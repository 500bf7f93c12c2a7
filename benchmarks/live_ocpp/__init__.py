"""What does the central system of OCPP cost, per message, per order and per station held?"""
