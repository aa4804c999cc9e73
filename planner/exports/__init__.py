"""What a plan hands to installers and to other tools: cable schedule, racks, NetBox, CSV. Reads a plan, never solves."""
