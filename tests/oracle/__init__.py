"""Complete enumeration of small programs: a second opinion that shares no code with the formulation."""
