"""Hand-written doubles of the ports that several services use; tests/contract proves them against the real thing."""
