"""Between the versions of a kind, and between groups that are views of one another."""
