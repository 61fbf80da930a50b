"""How good an image is, how large the uncertainty, and what a network costs."""
