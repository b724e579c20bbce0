"""The container images' requirements, and what tests need to build images."""
