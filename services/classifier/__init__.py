"""Classifies each picture that storage announces: event handlers, no API."""
