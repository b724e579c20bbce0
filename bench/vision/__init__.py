"""The local engine on one core, and the classifier's own time beside Vision."""
