"""The set-up: everything the project needs on a machine that has Python and git, and nothing else.

``python3 -m tools.setup`` (``make setup``) makes the environment ``.venv``, and in a cache outside the work tree
Dapr's two programs, Azurite and the sample photos. Python's standard library alone. ``locations`` says where things
are; ``steps`` lists what is made; each step is keyed by versions and checksums, appears in one rename, and is skipped
once it is there.
"""
