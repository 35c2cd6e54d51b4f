"""CustomResourceDefinitions at work: their names, their rows, and the end of their objects."""
