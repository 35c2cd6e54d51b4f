"""The client of the Container Runtime Interface; the only place in this room that knows gRPC."""

import os

# Here and nowhere later, as it is read when gRPC is first imported. What we start replaces itself
# by another program at once; without this, gRPC complains on stderr at each start under uvloop.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
