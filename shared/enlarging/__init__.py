"""What the command `python -m shared.zoom` consists of. Introduced in lesson 06."""
