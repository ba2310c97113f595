"""The jobs that rq's workers run for rq_queue.py; they leave traces by which it sees what ran, and in which order."""

import time

import redis
from rq import get_current_job


def own():
    return get_current_job().connection


def add(a, b, note=None):
    if note:
        own().rpush("notes", note)
    return a + b


def sum_of_parents():
    return sum(parent.return_value() for parent in get_current_job().fetch_dependencies())


def fails_until_mended(key):
    if own().incr(f"attempts:{key}") and not own().exists(f"mended:{key}"):
        raise ValueError("not mended yet")
    return "mended"


def never_ends():
    while True:
        own().set("never-ends", "runs")
        time.sleep(0.01)


def on_success(job, connection: redis.Redis, result):
    connection.rpush("succeeded", result)


def on_failure(job, connection: redis.Redis, kind, value, traceback):
    connection.rpush("failed", str(value))
