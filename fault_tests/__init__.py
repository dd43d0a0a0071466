"""The long versions of the fault tests: real clusters of PostgreSQL whose hosts die and freeze under six writers.

No part of the wheel, and run by hand: `python -m fault_tests --help`.
"""
