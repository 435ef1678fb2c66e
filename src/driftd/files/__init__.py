"""Files as sources of training rows and of events, and as sinks. Reads in bounded memory unless it sorts."""
