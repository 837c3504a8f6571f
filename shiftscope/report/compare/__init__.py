"""Two records side by side: what changed beyond noise."""
