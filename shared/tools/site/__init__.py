"""The course as a web site, from the stored outputs of its lessons; see ``__main__``."""
