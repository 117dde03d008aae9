"""The words: what travels on each topic."""
