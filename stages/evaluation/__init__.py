"""Evaluation of the forms on samples: accuracy and other metrics, with their intervals."""
