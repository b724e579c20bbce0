"""A local Image Analysis 4.0: the vendor's wire protocol, answered by looking at the pixels.

Layers: ``api`` (routes) → ``wire`` (requests, answers and errors as documented) → ``engine`` (pure functions
over a decoded picture). ``python -m emulators.vision --help`` lists the settings.
"""
