"""Commands for teachers and maintainers: run and hand out lessons, Colab, benchmarks."""
