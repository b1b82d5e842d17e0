"""The `aws` cloud: machines of Amazon EC2."""
