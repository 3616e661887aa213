"""What pages and documents share with each other: the words for what figures say in codes."""
