"""How fast the product is, beside the fastest thing that does the same work in the same run: `make bench NAME=...`.

A benchmark is a module of this package with `measure() -> Result`. It makes its own data in a database that is thrown
away afterwards, interleaves what is measured with its limit, and compares their answers: fast and wrong is no speed.
"""
