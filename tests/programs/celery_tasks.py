"""celery with Redis as broker and as backend: groups, chords, chains, retries, countdowns, control: `celery_tasks.py HOST PORT`."""

import os
import pathlib
import sys
import time

import celery
import redis

from until import address, running, until

host, port = address()
os.environ["CELERY_URL"] = f"redis://{host}:{port}/3"
import celery_app  # noqa: E402: it reads the URL
from celery_app import add, app, flaky, leaves_a_trace, now, total  # noqa: E402

connection = redis.Redis(host=host, port=port, db=3)
WAIT = {"timeout": 60}


def results():
    result = add.delay(2, 3)
    assert result.get(**WAIT) == 5 and result.successful()
    key = f"celery-task-meta-{result.id}"
    assert 0 < connection.ttl(key) <= 100
    result.forget()
    assert not connection.exists(key)
    many = [add.delay(n, n) for n in range(50)]
    assert [each.get(**WAIT) for each in many] == [2 * n for n in range(50)]


def canvas():
    assert celery.group(add.s(n, 1) for n in range(20))().get(**WAIT) == list(range(1, 21))
    assert celery.chain(add.s(1, 2), add.s(10), add.s(100))().get(**WAIT) == 113
    assert celery.chord((add.s(n, n) for n in range(10)), total.s())().get(**WAIT) == 90
    nested = celery.chain(celery.group(add.s(n, 0) for n in range(5)), total.s(), add.s(1000))
    assert nested().get(**WAIT) == 1010
    assert connection.keys("*.j") == [], "a chord leaves no parts behind"


def retries():
    assert flaky.delay("twice", 2).get(**WAIT) == 2 and connection.get("twice") == b"3"
    given_up = flaky.delay("thrice", 3)
    try:
        given_up.get(**WAIT)
    except ValueError as error:
        assert str(error) == "thrice" and given_up.failed()
    else:
        raise AssertionError("no error")
    assert connection.get("thrice") == b"3"


def later():
    before = time.time()
    result = now.apply_async(countdown=1.5)
    assert before + 1.4 <= result.get(**WAIT) <= before + 30
    revoked = leaves_a_trace.apply_async(("revoked",), countdown=2)
    until(lambda: any(app.control.inspect().scheduled().values()), "the task waits in the worker")
    revoked.revoke()
    until(lambda: revoked.state == "REVOKED", "the task, revoked while it waits")
    assert not connection.exists("revoked")


def control():
    (pong,) = app.control.ping(timeout=5)
    ((name, reply),) = pong.items()
    assert reply == {"ok": "pong"}
    assert "celery_app.add" in app.control.inspect([name]).registered()[name]
    assert app.control.inspect([name]).stats()[name]["total"]["celery_app.total"] == 2


def priorities_and_queues():
    """Tasks for a queue that nobody reads stay in it, until the worker is told to read that too."""
    waiting = [add.apply_async((n, n), queue="other") for n in range(3)]
    assert connection.llen("other") == 3 and waiting[0].state == "PENDING"
    app.control.add_consumer("other", reply=True)
    assert [each.get(**WAIT) for each in waiting] == [0, 2, 4] and connection.llen("other") == 0


connection.flushall()
worker = [sys.executable, "-m", "celery", "-A", celery_app.__name__, "worker", "--concurrency", "2", "--loglevel", "WARNING"]
with running(worker, cwd=pathlib.Path(__file__).parent):
    for part in (results, canvas, retries, later, control, priorities_and_queues):
        part()
    until(lambda: not connection.exists("unacked", "unacked_index"), "every task is acknowledged")
print(f"celery {celery.__version__}: ok")
