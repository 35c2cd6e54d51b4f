"""What the API server itself does for Services: addresses, node ports, and its own Service."""
