"""What a replay tells of a configuration: pages against their budget, and what becomes of changes put into the data."""
