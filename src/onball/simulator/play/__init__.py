"""How people and ball move: script, planners and what legs can do."""
