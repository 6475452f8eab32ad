"""One page about training runs: `write_report` makes it, everything else here is a part of it."""
