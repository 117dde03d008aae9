"""Which workflows fire for an event, found without asking each."""
