"""When to ask, and asking: a pure schedule, a worker pool, rate limits, and the loop that commits what was answered."""
