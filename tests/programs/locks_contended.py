"""Locks that scripts keep: python-redis-lock and redis-py's own, alone and contended: `locks_contended.py HOST PORT`."""

import logging
import multiprocessing
from importlib.metadata import version

import redis
import redis_lock
from redis.exceptions import LockError, LockNotOwnedError

from until import address, until

host, port = address()
connection = redis.Redis(host=host, port=port)
PROCESSES, TURNS = 4, 50
logging.getLogger("redis_lock").setLevel(logging.ERROR)


def raises(error, call):
    try:
        call()
    except error:
        return True
    raise AssertionError(f"no {error.__name__}")


def increments(make_lock):
    """Not atomic without the lock: reads, then writes."""
    own = redis.Redis(host=host, port=port)
    for _ in range(TURNS):
        with make_lock(own):
            own.set("counter", int(own.get("counter") or 0) + 1)


def contended(make_lock):
    connection.flushall()
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=increments, args=(make_lock,)) for _ in range(PROCESSES)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert int(connection.get("counter")) == PROCESSES * TURNS


def those_of_redis_py():
    contended(lambda own: own.lock("redis-py", timeout=30, sleep=0.001))
    connection.flushall()
    first, second = (connection.lock("one", timeout=20, blocking_timeout=0.1) for _ in range(2))
    assert first.acquire() and not second.acquire() and first.owned() and first.locked() and not second.owned()
    assert first.extend(20) and 20_000 < connection.pttl("one") <= 40_000
    assert first.reacquire() and connection.pttl("one") <= 20_000
    assert first.extend(5, replace_ttl=True) and connection.pttl("one") <= 5_000
    assert raises(LockError, second.release)
    connection.set("one", "somebody else")
    assert raises(LockNotOwnedError, first.release) and connection.get("one") == b"somebody else"
    short = connection.lock("short", timeout=0.1)
    assert short.acquire()
    until(lambda: not short.locked(), "the lock's time is over")
    assert raises(LockNotOwnedError, short.release)


def those_of_python_redis_lock():
    # Who waits is woken by a list that the holder pushes to.
    contended(lambda own: redis_lock.Lock(own, "python-redis-lock", expire=30))
    connection.flushall()
    first, second = (redis_lock.Lock(connection, "two", expire=20, id=name) for name in ("first", "second"))
    assert first.acquire() and not second.acquire(blocking=False) and not second.acquire(timeout=1)
    assert first.locked() and second.get_owner_id() == "first" and second.locked()
    first.extend(40)
    assert 20_000 < connection.pttl("lock:two") <= 40_000
    assert raises(redis_lock.NotAcquired, second.release) and raises(redis_lock.AlreadyAcquired, first.acquire)
    first.release()
    assert second.acquire(blocking=False) and second.get_owner_id() == "second"
    redis_lock.reset_all(connection)
    assert not connection.exists("lock:two") and raises(redis_lock.NotAcquired, second.release)
    with redis_lock.Lock(connection, "renewed", expire=1, auto_renewal=True):
        lives = []
        until(lambda: lives.append(connection.pttl("lock:renewed")) or any(b > a for a, b in zip(lives, lives[1:])), "renewal")
        assert min(lives) > 0


for part in (those_of_redis_py, those_of_python_redis_lock):
    part()
print(f"redis-py {redis.__version__}, python-redis-lock {version('python-redis-lock')}: ok")
