"""How networks are built: layers, and functions that return a ``keras.Model``."""
