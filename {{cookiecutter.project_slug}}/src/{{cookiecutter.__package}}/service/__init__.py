"""The champion behind HTTP: an answer means that the prediction is on disk."""
