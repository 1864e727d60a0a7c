"""What must hold of any county: invariants, and the same numbers from independent programs."""
