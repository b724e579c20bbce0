"""Cross-cutting parts of the services, with no business in them: settings, logging, telemetry, auth, problems, Dapr."""
