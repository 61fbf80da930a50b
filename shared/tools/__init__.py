"""Commands for teachers and maintainers: run, hand out and grade lessons; site, Colab, bench."""
