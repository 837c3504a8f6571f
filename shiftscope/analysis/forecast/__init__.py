"""Whether starting from a backbone will likely hurt: what is looked at, and how it becomes a probability."""
