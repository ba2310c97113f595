// node-redis and ioredis against a running node, used as applications use them: `smoke.mjs MODULES HOST PORT`, where MODULES is
// the folder that they are installed in. Empties the databases.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, host, port] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const require = createRequire(join(modules, "package.json"));
const { createClient } = require("redis");
const Redis = require("ioredis");

async function nodeRedis(RESP) {
  const client = createClient({ socket: { host, port }, RESP, name: "smoke" });
  let losses = 0;
  client.on("error", () => (losses += 1));
  await client.connect();
  assert.equal(await client.ping(), "PONG");
  await client.flushAll();

  assert.equal(await client.set("name", "Zoë", { EX: 100 }), "OK");
  assert.equal(await client.get("name"), "Zoë");
  assert.equal(await client.set("name", "x", { NX: true }), null);
  assert.equal(await client.set("name", "y", { XX: true, GET: true }), "Zoë");
  assert.equal(await client.mSet({ a: "1", b: "2" }), "OK");
  assert.deepEqual(await client.mGet(["a", "nope", "b"]), ["1", null, "2"]);
  assert.deepEqual([await client.incr("n"), await client.incrBy("n", 9)], [1, 10]);
  assert.equal(Number(await client.expire("a", 100)), 1);
  assert.equal(await client.ttl("a"), 100);
  assert.equal(await client.type("a"), "string");

  // Commands issued in one turn of the event loop go out as one pipeline.
  const sets = Array.from({ length: 5000 }, (_, i) => client.set(`scan:${i}`, `${i}`));
  assert.ok((await Promise.all(sets)).every((reply) => reply === "OK"));
  const seen = new Set();
  for await (const keys of client.scanIterator({ MATCH: "scan:*", COUNT: 100 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 5000);
  assert.equal((await client.keys("scan:12?")).length, 10);
  assert.ok((await client.dbSize()) > 5000);

  await client.set("word", "x");
  await assert.rejects(client.incr("word"), /not an integer/);
  await assert.rejects(client.sendCommand(["NOSUCH"]), /unknown command/);
  assert.match(await client.info("server"), /redis_version:/);
  await client.configSet("maxmemory-samples", "5");
  assert.equal((await client.configGet("maxmemory-samples"))["maxmemory-samples"], "5");
  assert.equal((await client.command()).length, await client.commandCount());
  const own = await client.clientInfo();
  assert.equal(own.name, "smoke");
  assert.ok(own.libName, "the library told its name");
  assert.ok((await client.clientList()).some(({ id }) => id === own.id));

  const killer = await client.duplicate().on("error", () => {}).connect();
  assert.equal(await killer.sendCommand(["CLIENT", "KILL", "ID", String(own.id)]), 1);
  assert.equal(await client.get("name"), "y", "reconnects");
  assert.notEqual(await client.clientId(), own.id);
  assert.ok(losses > 0);
  await killer.close();
  assert.equal(await client.flushDb(), "OK");
  await client.close();
  console.log(`node-redis ${require("redis/package.json").version}, RESP${RESP}: ok`);
}

async function io() {
  const client = new Redis({ host, port, connectionName: "smoke" });
  client.on("error", () => {});
  await client.flushall();
  assert.equal(await client.set("name", "Zoë", "EX", 100, "NX"), "OK");
  assert.equal(await client.get("name"), "Zoë");
  assert.deepEqual(await client.getBuffer("name"), Buffer.from("Zoë"));
  assert.deepEqual(await client.mget("name", "nope"), ["Zoë", null]);
  const pipeline = client.pipeline();
  for (let i = 0; i < 1000; i += 1) pipeline.set(`scan:${i}`, i);
  pipeline.incr("name");
  const replies = await pipeline.exec();
  assert.ok(replies.slice(0, 1000).every(([error, reply]) => error === null && reply === "OK"));
  assert.match(replies[1000][0].message, /not an integer/);
  const seen = new Set();
  for await (const keys of client.scanStream({ match: "scan:*", count: 50 })) keys.forEach((key) => seen.add(key));
  assert.equal(seen.size, 1000);
  assert.equal(await client.client("GETNAME"), "smoke");
  const id = await client.client("ID");
  const killer = client.duplicate();
  assert.equal(await killer.client("KILL", "ID", id), 1);
  assert.equal(await client.get("name"), "Zoë", "reconnects");
  await Promise.all([client.flushdb(), killer.quit()]);
  await client.quit();
  console.log(`ioredis ${require("ioredis/package.json").version}: ok`);
}

await nodeRedis(2);
await nodeRedis(3);
await io();
