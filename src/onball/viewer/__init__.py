"""The viewer: matches with their events in a browser on this machine, to look at and to correct."""
