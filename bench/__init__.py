"""Measured comparisons: `make bench`. Figures compare within one run, on the machine that the report names."""
