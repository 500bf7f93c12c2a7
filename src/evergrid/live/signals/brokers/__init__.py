"""How is a regulation signal heard that a market publishes by MQTT or NATS?"""
