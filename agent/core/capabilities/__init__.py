"""What jobs can be: one module for each capability, and what they share."""
