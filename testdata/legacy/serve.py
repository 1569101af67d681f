"""Runs the application on a free port until standard input ends, so that it never outlives who started it."""

import os
import sys
import threading

import uvicorn


def leave_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=leave_with_stdin, daemon=True).start()
    uvicorn.run(
        "app.main:create_app", factory=True, app_dir=os.path.dirname(os.path.abspath(__file__)),
        host="127.0.0.1", port=0, access_log=False, use_colors=False,
    )
