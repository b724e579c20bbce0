"""pubsub.azure.eventgrid: a pluggable Dapr pub/sub component for Azure Event Grid Namespaces (pull delivery)."""

__version__ = "1.0.0"
