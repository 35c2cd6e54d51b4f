"""The client of the Container Runtime Interface; the only place in this room that knows gRPC."""
