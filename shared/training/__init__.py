"""How a network is trained, and how it is stored with its card."""
