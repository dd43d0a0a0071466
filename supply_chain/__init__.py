"""The packages that deployments install: the pins of `requirements/deploy.txt`, and what is known against them.

`make requirements` writes the file, the tests hold it to `pyproject.toml`, `make audit` asks for known faults.
"""
