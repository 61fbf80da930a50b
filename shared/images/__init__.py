"""What is done to images without a network: reduce, enlarge, convert, turn, tile, read, write."""
