"""The kubelet: a state machine per pod and the runtime it drives."""
