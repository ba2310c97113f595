"""limits: its three kinds of windows, whose decisions are scripts in the node: `limits_windows.py HOST PORT`."""

import threading
import time
from importlib.metadata import version

import limits
import redis
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

from until import address, until

host, port = address()
connection = redis.Redis(host=host, port=port)
storage = storage_from_string(f"redis://{host}:{port}/0")
STRATEGIES = (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter)


def as_many_as_allowed(limiter):
    item = limits.parse("10/hour")
    assert limiter.test(item, "alice") and limiter.get_window_stats(item, "alice").remaining == 10
    assert [limiter.hit(item, "alice") for _ in range(12)] == [True] * 10 + [False] * 2
    assert not limiter.test(item, "alice") and limiter.hit(item, "bob"), "each has a limit of his own"
    before, stats = time.time(), limiter.get_window_stats(item, "alice")
    # A sliding window that is younger than a millisecond says that it ends at once, whatever the server.
    assert stats.remaining == 0 and 0 <= stats.reset_time - before <= 3601
    assert limiter.get_window_stats(item, "bob").remaining == 9
    limiter.clear(item, "alice")
    assert limiter.hit(item, "alice") and limiter.get_window_stats(item, "alice").remaining == 9


def several_at_once(limiter):
    item = limits.parse("10/day")
    assert limiter.hit(item, "cost", cost=7) and not limiter.hit(item, "cost", cost=4)
    assert limiter.test(item, "cost", cost=3) == limiter.hit(item, "cost", cost=3)


def time_passes(limiter):
    item = limits.parse("3/2seconds")
    assert [limiter.hit(item, "again") for _ in range(4)] == [True, True, True, False]
    until(lambda: limiter.hit(item, "again"), "the window has passed")


def contended(limiter):
    """Of many threads that ask at the same time, exactly as many are let in as the limit says."""
    item, let_in = limits.parse("100/hour"), []
    ask = lambda: [let_in.append(1) for _ in range(40) if limiter.hit(item, "crowd")]  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(let_in) == 100, len(let_in)


for strategy in STRATEGIES:
    connection.flushall()
    connection.script_flush()
    for part in (as_many_as_allowed, several_at_once, time_passes, contended):
        # Its scripts have to be found again when the node has lost them.
        connection.script_flush()
        part(strategy(storage))
    assert connection.keys("LIMITS*") and storage.reset() > 0 and not connection.keys("LIMITS*")
print(f"limits {version('limits')}: ok")
