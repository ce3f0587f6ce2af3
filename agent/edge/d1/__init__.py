"""D1: the queue's database, the users' database, and records of requests."""
