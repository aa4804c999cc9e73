"""Golden programs: one LP text per constraint on the smallest site that shows it."""
