"""Container images made on this host, without a registry and without Docker."""
