"""The nouns: features, targets, estimates and the record; imports nothing of the house but errors."""
