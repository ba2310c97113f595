"""What the programs beside this share: the node that they are given, other processes, and waiting with a deadline."""

import contextlib
import subprocess
import sys
import time


def address():
    """Where the node is: `PROGRAM HOST PORT`."""
    return sys.argv[1], int(sys.argv[2])


def until(condition, what, seconds=30):
    """Waits until the condition gives something true, which it returns."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def running(command, **options):
    """A process for the length of a block; it is told to end, and has to end well."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    try:
        yield process
        process.terminate()
        output = process.communicate(timeout=30)[0]
        assert process.returncode == 0, f"{command} ends with {process.returncode}:\n{output}"
    except BaseException:
        process.kill()
        sys.stderr.write(process.communicate()[0] or "")
        raise
