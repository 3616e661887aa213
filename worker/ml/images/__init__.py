"""From image files to numbers: decoding, pixels on disk, augmentation, measures, registration."""
