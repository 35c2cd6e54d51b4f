"""What the node, its Pods and their containers use, and the forms in which it is told."""
