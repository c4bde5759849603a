"""Commands of `tidegate` as people wait for them: from process start to exit."""

import subprocess
import sys
import time


def seconds(*args: str) -> float:
    """Give how long a command takes.

    Raises:
        SystemExit: it failed; its words are in the message.
    """
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "tidegate", *args], check=False, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"tidegate {' '.join(args)} ended with {done.returncode}; expected 0:\n{done.stderr}{done.stdout}")
    return took
