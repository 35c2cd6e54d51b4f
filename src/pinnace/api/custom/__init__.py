"""What a CustomResourceDefinition says about its objects: structural schemas and what they do."""
