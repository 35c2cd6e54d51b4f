"""The components of a cluster, a file each; what runs in one process imports only its own."""
