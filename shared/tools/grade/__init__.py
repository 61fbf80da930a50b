"""Grade a folder of notebooks that learners have handed in; see ``__main__``."""
