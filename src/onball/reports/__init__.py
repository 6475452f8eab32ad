"""Pictures and tables of events and experiments."""
