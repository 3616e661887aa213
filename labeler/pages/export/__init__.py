"""What can be downloaded, and code that loads it."""
