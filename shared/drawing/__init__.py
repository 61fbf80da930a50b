"""What ``shared.figures`` is made of: roles, page, tiles, charts, diagrams, motion and text."""
