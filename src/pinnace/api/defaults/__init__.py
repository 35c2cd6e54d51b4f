"""What the API server fills in where a client left a field out: a file per family of kinds."""
