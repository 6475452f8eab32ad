"""Movement of people and ball: possession script, planners, steering."""
