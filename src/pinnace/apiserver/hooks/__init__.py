"""Calls to webhooks: where they are, what they are sent, what their answers mean."""
