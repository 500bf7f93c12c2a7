"""How do charging stations that speak OCPP become devices of ours, and what may they never do?"""
