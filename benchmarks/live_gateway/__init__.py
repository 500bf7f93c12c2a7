"""What do gateways cost: CPU per event and order in the gateway, the controller and the broker?"""
