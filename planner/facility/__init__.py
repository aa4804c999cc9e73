"""The room of a plan: what each rack draws, weighs and leaves unused; feeds, cooling, checks. Reads a plan only."""
