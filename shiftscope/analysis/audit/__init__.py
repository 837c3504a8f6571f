"""What fine-tuning really gave, and how well the advice foresaw it."""
