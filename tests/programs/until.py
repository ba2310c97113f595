"""What the programs beside this share: the node that they are given, other processes, and waiting with a deadline."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
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
    """A process for the length of a block; it is told to end, and has to end well. What it leaves running is ended too."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, **options)
        try:
            yield process
            process.terminate()
            assert process.wait(timeout=30) == 0, f"{command} ends with {process.returncode}"
        except BaseException:
            output.seek(0)
            sys.stderr.write(output.read())
            raise
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
