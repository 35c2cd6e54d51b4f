"""The audit log: who asked what of the server, and what came of it, as a policy chooses."""
