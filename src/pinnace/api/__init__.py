"""What the wire carries: pure functions and tables, no I/O."""
