"""The contract with daprd: the .proto file, and the stubs generated from it (see generate.py)."""
