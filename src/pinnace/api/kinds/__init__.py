"""The rows of the built-in resources, a file per group."""
