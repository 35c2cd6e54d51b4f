"""What the host has and is, as a Node's status says it."""
