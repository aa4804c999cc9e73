"""What a plan hands to installers and other tools: cable schedule, racks, NetBox. Reads a plan, never solves."""
