"""Our Event Grid pub/sub component beside Dapr's `pubsub.redis` and `pubsub.in-memory`, through one daprd each."""
