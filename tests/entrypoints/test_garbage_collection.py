"""A server collects garbage rarely, but completely."""

import subprocess
import sys

SERVING = """
import gc
from blog.entrypoints.http.asgi import GC_THRESHOLD, tune_gc

class Cycle:
    def __init__(self):
        self.own = self

tune_gc()
assert gc.get_freeze_count() > 10_000
assert gc.isenabled()
looked = []
gc.callbacks.append(lambda phase, _: looked.append(phase))
some = [[] for _ in range(GC_THRESHOLD // 2)]
assert not looked
del some
for _ in range(20 * GC_THRESHOLD):
    Cycle()
print(sum(isinstance(each, Cycle) for each in gc.get_objects()) <= GC_THRESHOLD)
"""


def test_a_server_collects_garbage_rarely_but_completely() -> None:
    told = subprocess.run([sys.executable, "-c", SERVING], capture_output=True, text=True, timeout=60, check=False)
    assert (told.stdout, told.stderr) == ("True\n", "")
