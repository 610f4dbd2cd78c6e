"""Signed files, the registry they are found in, and the gate that decides which of them serves."""
