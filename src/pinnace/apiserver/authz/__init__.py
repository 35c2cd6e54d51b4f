"""What they may do: authorization, a file per mode."""
