"""From a file of the world to typed rows: read, infer, contract, profile, split."""
