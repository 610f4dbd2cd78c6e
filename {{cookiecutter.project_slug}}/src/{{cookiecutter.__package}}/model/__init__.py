"""From typed rows to a fitted pipeline: features, candidates, search, train."""
