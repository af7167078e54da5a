"""The benchmark: what the product costs over the least that the same data could cost; see README.md."""
