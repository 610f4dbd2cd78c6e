"""How good a model is, how sure that is, for whom, what it is worth, and why it says so."""
