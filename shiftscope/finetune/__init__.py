"""The ground truth: what really happens when a backbone is trained on a target. Used by the audit only."""
