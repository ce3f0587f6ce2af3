"""What tools of both Workers share. Nothing here is uploaded."""
