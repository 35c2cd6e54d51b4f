"""API aggregation: APIServices, and the servers behind this one that they name."""
