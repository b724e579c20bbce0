"""Custom Vision prediction: classify and detect, for projects that a file describes."""
