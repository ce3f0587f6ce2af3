"""What is kept of requests and jobs, and the analytics of it."""
