"""The configuration: the settings of every package, read from one file and the environment."""
