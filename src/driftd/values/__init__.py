"""Small frozen types that cross the boundaries between stages. They hold no behaviour that decides anything."""
