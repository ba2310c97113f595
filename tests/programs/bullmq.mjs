// bullmq: queues whose every step is a script in the node: `bullmq.mjs MODULES HOST PORT`, where MODULES is the folder that it is
// installed in. Empties the databases.

import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [modules, host, port] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const require = createRequire(join(modules, "package.json"));
const { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } = require("bullmq");
const Redis = require("ioredis");

const connection = { host, port, maxRetriesPerRequest: null };
const client = new Redis(connection);
const open = [];
setMaxListeners(1000);
const opened = (thing) => (open.push(thing), thing);
const queueOf = (name) => opened(new Queue(name, { connection }));
const workerOf = (name, processor, options = {}) => opened(new Worker(name, processor, { connection, ...options }));

async function eventsOf(name) {
  // From the beginning: its first read may come after the first job.
  const events = opened(new QueueEvents(name, { connection, lastEventId: "0" }));
  await events.waitUntilReady();
  return events;
}

async function until(condition, what, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < deadline, `not within ${seconds} s: ${what}`);
    await pause(20);
  }
}

async function results() {
  const [queue, events] = [queueOf("results"), await eventsOf("results")];
  const seen = [];
  for (const name of ["waiting", "active", "progress", "completed"]) events.on(name, () => seen.push(name));
  const worker = workerOf("results", async (job) => {
    await job.updateProgress(50);
    await job.log("half of it");
    return job.data.a + job.data.b;
  });
  const job = await queue.add("add", { a: 2, b: 3 });
  assert.equal(await job.waitUntilFinished(events, 30_000), 5);
  assert.deepEqual((await queue.getJobLogs(job.id)).logs, ["half of it"]);
  const stored = await queue.getJob(job.id);
  assert.deepEqual([stored.returnvalue, stored.progress, await stored.getState()], [5, 50, "completed"]);
  await until(() => seen.includes("completed"), "the events");
  assert.deepEqual(seen, ["waiting", "active", "progress", "completed"]);

  const many = await queue.addBulk(Array.from({ length: 200 }, (_, n) => ({ name: "add", data: { a: n, b: n } })));
  const sums = await Promise.all(many.map((each) => each.waitUntilFinished(events, 30_000)));
  assert.deepEqual(sums, many.map((_, n) => 2 * n));
  assert.equal((await queue.getJobCounts("completed", "failed", "wait", "active")).completed, 201);
  assert.equal((await queue.clean(0, 1000, "completed")).length, 201);
  // A job whose name is taken is not added again.
  await worker.pause();
  const [one, two] = [await queue.add("once", 1, { jobId: "mine" }), await queue.add("once", 2, { jobId: "mine" })];
  assert.deepEqual([one.id, two.id, await queue.getWaitingCount()], ["mine", "mine", 1]);
}

async function order() {
  const [queue, events] = [queueOf("order"), await eventsOf("order")];
  const add = (name, options) => queue.add(name, {}, options);
  await add("plain 1");
  await add("plain 2");
  await add("priority 9", { priority: 9 });
  await add("priority 1", { priority: 1 });
  await add("priority 1, later", { priority: 1 });
  await add("last in, first out", { lifo: true });
  assert.deepEqual(await queue.getCountsPerPriority([0, 1, 9]), { 0: 3, 1: 2, 9: 1 });
  const ran = [];
  const worker = workerOf("order", async (job) => void ran.push(job.name), { autorun: false });
  const drained = new Promise((resolve) => worker.once("drained", resolve));
  worker.run();
  await drained;
  assert.deepEqual(ran, ["last in, first out", "plain 1", "plain 2", "priority 1", "priority 1, later", "priority 9"]);

  const start = Date.now();
  const delayed = [await add("300 ms", { delay: 300 }), await add("100 ms", { delay: 100 })];
  assert.equal(await delayed[0].getState(), "delayed");
  assert.equal(await queue.getDelayedCount(), 2);
  await Promise.all(delayed.map((job) => job.waitUntilFinished(events, 30_000)));
  assert.ok(Date.now() - start >= 290);
  assert.deepEqual(ran.slice(-2), ["100 ms", "300 ms"]);

  await queue.pause();
  const held = await add("held");
  assert.ok((await queue.isPaused()) && (await queue.getJobCounts("paused", "wait")).paused + (await queue.getWaitingCount()) >= 1);
  await queue.resume();
  await held.waitUntilFinished(events, 30_000);
}

async function retries() {
  const [queue, events] = [queueOf("retries"), await eventsOf("retries")];
  let mended = false;
  const worker = workerOf("retries", async (job) => {
    if (job.name === "never") throw new UnrecoverableError("never");
    if (job.name === "third time" ? job.attemptsMade < 2 : !mended) throw new Error("not yet");
    return job.attemptsMade;
  });
  const options = { attempts: 3, backoff: { type: "exponential", delay: 50 } };
  const third = await queue.add("third time", {}, options);
  assert.equal(await third.waitUntilFinished(events, 30_000), 2);
  const broken = await queue.add("broken", {}, options);
  await assert.rejects(broken.waitUntilFinished(events, 30_000), /not yet/);
  const never = await queue.add("never", {}, options);
  await assert.rejects(never.waitUntilFinished(events, 30_000), /never/);
  const failed = await queue.getFailed();
  assert.deepEqual(failed.map((job) => [job.name, job.attemptsMade]).sort(), [["broken", 3], ["never", 1]]);
  assert.equal(failed.find((job) => job.name === "broken").stacktrace.length, 3);
  mended = true;
  await (await queue.getJob(broken.id)).retry();
  await until(async () => (await queue.getCompletedCount()) === 2, "the job, mended and tried again");
  assert.equal(await queue.getFailedCount(), 1);
  await worker.close();
}

async function flows() {
  const [queue, events] = [queueOf("flows"), await eventsOf("flows")];
  const flow = opened(new FlowProducer({ connection }));
  workerOf("parts", async (job) => job.data.n * 10, { concurrency: 4 });
  workerOf("flows", async (job) => Object.values(await job.getChildrenValues()).reduce((a, b) => a + b, 0));
  const children = [1, 2, 3].map((n) => ({ name: "part", queueName: "parts", data: { n } }));
  const middle = { name: "middle", queueName: "flows", children };
  const tree = await flow.add({ name: "whole", queueName: "flows", children: [middle, children[2]] });
  assert.equal(await tree.job.waitUntilFinished(events, 30_000), 90);
  const { processed, unprocessed } = await tree.job.getDependencies();
  assert.deepEqual([Object.values(processed).sort(), Object.keys(unprocessed ?? {}).length], [[30, 60], 0]);
  const found = await flow.getFlow({ id: tree.job.id, queueName: "flows" });
  assert.equal(found.children.length, 2);
  await queue.obliterate({ force: true });
  assert.deepEqual(await client.keys("bull:flows:*[0-9]"), []);
}

async function repeated() {
  const queue = queueOf("repeated");
  const ran = [];
  const worker = workerOf("repeated", async (job) => void ran.push(job.name));
  await queue.upsertJobScheduler("tick", { every: 100 }, { name: "tick" });
  await until(() => ran.length >= 3, "three ticks");
  assert.deepEqual((await queue.getJobSchedulers()).map((each) => each.key), ["tick"]);
  assert.ok(await queue.removeJobScheduler("tick"));
  await until(async () => (await queue.getDelayedCount()) === 0, "no more ticks to come");
  await worker.close();
}

// A worker that loses its jobs' locks: others take over what it had begun.
async function stalled() {
  const queue = queueOf("stalled");
  const token = "a worker that is gone";
  const gone = workerOf("stalled", null, { lockDuration: 200 });
  const job = await queue.add("work", {});
  assert.equal((await gone.getNextJob(token)).id, job.id);
  assert.equal(await job.getState(), "active");
  const done = [];
  workerOf("stalled", async (each) => void done.push(each.id), { stalledInterval: 200, lockDuration: 2000 });
  await until(() => done.length > 0, "the job, taken over");
  assert.deepEqual(done, [job.id]);
  await until(async () => (await job.getState()) === "completed", "the job, done");
}

async function contended() {
  const [queue, done] = [queueOf("contended"), []];
  await queue.addBulk(Array.from({ length: 500 }, (_, n) => ({ name: "each", data: n })));
  for (let n = 0; n < 4; n += 1) workerOf("contended", async (job) => void done.push(job.data), { concurrency: 8 });
  await until(async () => (await queue.getCompletedCount()) === 500, "all jobs");
  assert.deepEqual(done.sort((a, b) => a - b), Array.from({ length: 500 }, (_, n) => n));
}

async function limited() {
  const [queue, times] = [queueOf("limited"), []];
  await queue.addBulk(Array.from({ length: 9 }, (_, n) => ({ name: "each", data: n })));
  const limiter = { max: 3, duration: 300 };
  workerOf("limited", async () => void times.push(Date.now()), { limiter });
  await until(() => times.length === 9, "all jobs");
  assert.ok(times[8] - times[0] >= 500, "nine at three in 300 ms");
}

await client.flushall();
for (const part of [results, order, retries, flows, repeated, stalled, contended, limited]) {
  try {
    await part();
  } catch (error) {
    error.message = `${part.name}: ${error.message}`;
    throw error;
  }
}
await Promise.all(open.map((thing) => thing.close()));
client.disconnect();
console.log(`bullmq ${require("bullmq/package.json").version}, ioredis ${require("ioredis/package.json").version}: ok`);
