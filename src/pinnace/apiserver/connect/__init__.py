"""Requests that go on to a kubelet, a Pod or a Service."""
