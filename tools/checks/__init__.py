"""Checks of files that nothing on one machine runs: Bicep, Dapr components for Azure, azd's file."""
