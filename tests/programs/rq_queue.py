"""rq: queues, workers in processes of their own, results, dependencies, retries, registries, the scheduler: `rq_queue.py HOST PORT`."""

import datetime
import os
import pathlib
import subprocess
import sys

import redis
import rq
from rq.command import send_stop_job_command
from rq.job import JobStatus
from rq.timeouts import JobTimeoutException

import rq_jobs
from until import address, running, until

HERE = pathlib.Path(__file__).parent
host, port = address()
connection = redis.Redis(host=host, port=port)
WORKER = [sys.executable, "-m", "rq.cli", "worker", "--url", f"redis://{host}:{port}/0"]


def burst(*queues):
    """A worker that ends when the queues are empty."""
    done = subprocess.run([*WORKER, "--burst", *queues], cwd=HERE, env=os.environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def results():
    queue = rq.Queue("results", connection=connection)
    job = queue.enqueue(rq_jobs.add, 2, 3, on_success=rq_jobs.on_success, meta={"of": "mine"})
    many = queue.enqueue_many([rq.Queue.prepare_data(rq_jobs.add, (n, n)) for n in range(20)])
    assert queue.count == 21 and job.get_position() == 0 and job.get_status() == JobStatus.QUEUED
    burst("results")
    assert job.return_value() == 5 and job.get_status() == JobStatus.FINISHED and queue.is_empty()
    assert [each.return_value() for each in many] == [2 * n for n in range(20)]
    assert connection.lrange("succeeded", 0, -1) == [b"5"]
    latest = job.latest_result()
    assert latest.type == latest.Type.SUCCESSFUL and len(job.results()) == 1, "results are entries of a stream"
    assert set(queue.finished_job_registry.get_job_ids()) == {job.id, *(each.id for each in many)}
    assert rq.job.Job.fetch(job.id, connection=connection).meta == {"of": "mine"}
    assert 0 < connection.ttl(job.key) <= 500
    job.delete()
    assert not connection.exists(job.key) and job.id not in queue.finished_job_registry.get_job_ids()


def order_of_queues():
    low, high = (rq.Queue(name, connection=connection) for name in ("low", "high"))
    for n in range(3):
        low.enqueue(rq_jobs.add, n, 0, note=f"low {n}")
    high.enqueue(rq_jobs.add, 0, 0, note="high 0")
    low.enqueue(rq_jobs.add, 0, 0, note="low first", at_front=True)
    burst("high", "low")
    assert connection.lrange("notes", 0, -1) == [b"high 0", b"low first", b"low 0", b"low 1", b"low 2"]


def dependencies():
    queue = rq.Queue("family", connection=connection)
    parents = [queue.enqueue(rq_jobs.add, n, n) for n in (1, 2)]
    child = queue.enqueue(rq_jobs.sum_of_parents, depends_on=parents)
    assert child.get_status() == JobStatus.DEFERRED and queue.deferred_job_registry.get_job_ids() == [child.id]
    burst("family")
    assert child.return_value() == 6 and queue.deferred_job_registry.count == 0


def retries():
    queue = rq.Queue("retries", connection=connection)
    job = queue.enqueue(rq_jobs.fails_until_mended, "a", retry=rq.Retry(max=2), on_failure=rq_jobs.on_failure)
    burst("retries")
    assert connection.get("attempts:a") == b"3" and job.get_status() == JobStatus.FAILED
    assert queue.failed_job_registry.get_job_ids() == [job.id]
    assert "ValueError: not mended yet" in job.latest_result().exc_string
    assert set(connection.lrange("failed", 0, -1)) == {b"not mended yet"}
    connection.set("mended:a", 1)
    queue.failed_job_registry.requeue(job)
    assert queue.get_job_ids() == [job.id] and queue.failed_job_registry.count == 0
    burst("retries")
    assert job.return_value() == "mended" and connection.get("attempts:a") == b"4"


def too_slow():
    queue = rq.Queue("slow", connection=connection)
    job = queue.enqueue(rq_jobs.never_ends, job_timeout=1)
    burst("slow")
    assert job.get_status() == JobStatus.FAILED and JobTimeoutException.__name__ in job.latest_result().exc_string


def scheduler_and_commands():
    queue = rq.Queue("later", connection=connection)
    soon = queue.enqueue_in(datetime.timedelta(seconds=1), rq_jobs.add, 1, 1)
    tomorrow = queue.enqueue_in(datetime.timedelta(days=1), rq_jobs.add, 1, 1)
    connection.delete("never-ends")
    assert set(queue.scheduled_job_registry.get_job_ids()) == {soon.id, tomorrow.id} and queue.is_empty()
    with running([*WORKER, "--with-scheduler", "later"], cwd=HERE):
        until(lambda: soon.get_status() == JobStatus.FINISHED, "the scheduled job")
        assert soon.return_value() == 2 and queue.scheduled_job_registry.get_job_ids() == [tomorrow.id]
        (worker,) = rq.Worker.all(connection=connection)
        assert worker.queue_names() == ["later"] and worker.successful_job_count == 1
        # The worker waits for jobs in BLPOP or BLMOVE, and for commands as a subscriber.
        endless = queue.enqueue(rq_jobs.never_ends)
        until(lambda: connection.exists("never-ends"), "the endless job")
        send_stop_job_command(connection, endless.id)
        until(lambda: endless.get_status() == JobStatus.STOPPED, "the endless job, stopped by a message")
    assert rq.Worker.all(connection=connection) == [], "a worker that ends takes its name back"


connection.flushall()
for part in (results, order_of_queues, dependencies, retries, too_slow, scheduler_and_commands):
    part()
print(f"rq {rq.__version__}: ok")
