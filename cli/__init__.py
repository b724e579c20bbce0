"""`claimlens`: the system from a terminal, through its public APIs alone."""
