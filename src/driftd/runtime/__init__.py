"""Runtime: puts the stages together, and drives them from Kafka, from files, or from a simulation."""
