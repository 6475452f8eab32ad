"""Bodies: from where somebody is and what he does to his joints."""
