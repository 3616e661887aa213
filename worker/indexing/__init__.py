"""What is computed once per image: features, decoded pixels, the index of similar images, near-duplicates."""
