"""The whole system on one machine: what `make run` and the end-to-end tests start, watch and stop."""
