"""Forms: fields made from definitions, what was typed into them read, schedules and limits, secrets taken."""
