"""What the services share with each other and with their consumers: records, events, names. No I/O."""
