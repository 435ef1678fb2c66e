"""References: what each column's values looked like in training."""
