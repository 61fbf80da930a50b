"""What ``shared.figures`` is made of, from the bottom up.

``roles`` (colours and markers), ``page`` (show, captions, SVG), ``panels`` (images), ``charts``,
``diagrams``, ``motion`` (animations) and ``text`` (tables, source code).
"""
