"""The tasks that celery's worker runs for celery_tasks.py; CELERY_URL is broker and backend."""

import os
import time

import redis
from celery import Celery

url = os.environ["CELERY_URL"]
app = Celery("celery_app", broker=url, backend=url)
app.conf.update(
    broker_connection_retry_on_startup=True,
    result_expires=100,
    task_track_started=True,
    worker_hijack_root_logger=False,
)
traces = redis.Redis.from_url(url)


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def now():
    return time.time()


@app.task(bind=True, max_retries=2, default_retry_delay=0)
def flaky(self, key, failures):
    if traces.incr(key) <= failures:
        raise self.retry(exc=ValueError(key))
    return self.request.retries


@app.task
def leaves_a_trace(key):
    traces.incr(key)
