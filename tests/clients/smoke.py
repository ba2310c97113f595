"""redis-py against a running node, used as applications use it: `smoke.py HOST PORT`. Empties the databases."""

import sys
import threading
import time

import redis


def strings(client):
    assert client.ping() is True
    assert client.set("name", "Zoë") and client.get("name") == "Zoë"
    assert client.set("name", "x", nx=True) is None
    assert client.set("name", "y", xx=True, get=True) == "Zoë"
    assert client.set("short", "v", ex=100) and 0 < client.ttl("short") <= 100
    assert client.mset({"a": 1, "b": 2}) and client.mget("a", "nope", "b") == ["1", None, "2"]
    assert client.msetnx({"a": 3, "c": 3}) in (False, 0)
    assert (client.incr("n"), client.incrby("n", 9), client.decr("n")) == (1, 10, 9)
    assert client.incrbyfloat("f", 0.25) == 0.25
    assert client.append("name", "es") == 3 and client.getrange("name", 1, -1) == "es"
    assert client.setrange("name", 1, "o") == 3 and client.strlen("name") == 3
    assert client.getdel("name") == "yos" and client.set("name", "z", get=True) is None
    assert client.getex("name", px=60_000) == "z" and 0 < client.pttl("name") <= 60_000


def keys(client):
    assert client.expire("a", 100) and client.persist("a") and client.ttl("a") == -1 and client.ttl("nope") == -2
    assert client.expireat("a", int(time.time()) + 50) and client.expiretime("a") > 0
    assert client.rename("b", "b2") and client.exists("b", "b2") == 1 and client.type("b2") == "string"
    assert client.copy("b2", "b3") and client.touch("b2", "b3") == 2
    assert client.object("encoding", "b2") == "int" and client.object("idletime", "b2") == 0
    assert client.unlink("b3") == 1 and client.delete("b2", "nope") == 1 and client.randomkey()
    with client.pipeline(transaction=False) as pipe:
        for i in range(5000):
            pipe.set(f"scan:{i}", i)
        assert all(pipe.execute())
    assert set(client.scan_iter("scan:*", count=100)) == {f"scan:{i}" for i in range(5000)}
    assert len(client.keys("scan:12?")) == 10
    assert client.dbsize() > 5000


def large_values(client):
    value = "ab\r\n" * 1_000_000
    assert client.set("large", value) and client.get("large") == value


def pipelines(client):
    with client.pipeline(transaction=False) as pipe:
        pipe.set("p", 1).incr("p").incr("a-word").get("p").set("w", "x").incr("w")
        replies = pipe.execute(raise_on_error=False)
    assert replies[:5] == [True, 2, 1, "2", True]
    assert isinstance(replies[5], redis.ResponseError) and "not an integer" in str(replies[5])


def errors(client):
    for call in (lambda: client.execute_command("NOSUCH", 1), lambda: client.execute_command("GET")):
        try:
            call()
        except redis.ResponseError as error:
            assert "unknown command" in str(error) or "wrong number of arguments" in str(error), error
        else:
            raise AssertionError("no error")
    assert client.ping(), "the connection serves on after an error"
    client.set("bytes", b"\xff\xfe")
    try:
        client.get("bytes")
    except UnicodeDecodeError:
        assert client.ping(), "nor does an undecodable reply break it"
    else:
        raise AssertionError("not UTF-8, yet decoded")


def server(client):
    info = client.info()
    assert info["redis_version"] and info["connected_clients"] >= 1 and info["tcp_port"] > 0
    assert info["db0"]["keys"] == client.dbsize() and info["maxmemory_policy"] == "noeviction"
    assert client.info("commandstats")["cmdstat_get"]["calls"] > 0
    assert set(client.info("clients", "memory")) >= {"connected_clients", "used_memory"}
    assert client.config_set("maxmemory-samples", 7) and client.config_get("maxmemory-s*") == {"maxmemory-samples": "7"}
    assert client.config_set("maxmemory-samples", 5) and client.config_resetstat()
    commands = client.command()
    assert client.command_count() == len(commands) and set(commands) <= set(client.command_list())
    assert commands["mset"]["step_count"] == 2 and client.command_getkeys("MSET", "x", 1, "y", 2) == ["x", "y"]
    docs = client.execute_command("COMMAND DOCS", "get", "set")
    assert docs, docs
    assert client.slowlog_len() >= 0 and client.memory_usage("large") > 4_000_000
    assert client.memory_stats()["keys.count"] > 0 and abs(client.time()[0] - time.time()) < 60
    assert client.lolwut()


def databases(host, port, options):
    second = redis.Redis(host=host, port=port, db=1, **options)
    assert second.dbsize() == 0 and second.set("only-here", 1) and second.move("only-here", 2)
    assert second.swapdb(1, 2) and second.get("only-here") == "1"
    assert second.flushdb() and second.dbsize() == 0


def clients(host, port, options):
    client = redis.Redis(host=host, port=port, client_name="smoke", **options)
    own = client.client_info()
    assert own["name"] == "smoke" and "redis-py" in own["lib-name"] and own["lib-ver"] == redis.__version__, own
    assert str(own["resp"]) == str(options["protocol"]) and client.client_getname() == "smoke"
    other = redis.Redis(host=host, port=port, single_connection_client=True, **options)
    victim = other.client_id()
    assert {str(victim), str(own["id"])} <= {str(c["id"]) for c in client.client_list()}
    assert client.client_kill_filter(_id=victim) == 1
    # redis-py notices the lost connection and opens another.
    assert other.ping() and other.client_id() != victim
    assert client.client_no_evict("ON") and client.client_no_touch("ON")
    assert client.client_pause(1, all=False) and client.client_unpause()
    hello = client.execute_command("HELLO", options["protocol"])
    greeting = hello if isinstance(hello, dict) else dict(zip(hello[::2], hello[1::2]))
    assert {k if isinstance(k, str) else k.decode() for k in greeting} >= {"server", "version", "proto", "id"}
    with client.monitor() as monitor:
        other.set("seen", 1)
        assert any("SET seen 1" in monitor.next_command()["command"] for _ in range(5))


def pool(host, port, options):
    shared = redis.Redis(connection_pool=redis.BlockingConnectionPool(host=host, port=port, max_connections=8, **options))
    workers = [threading.Thread(target=lambda: [shared.incr("shared") for _ in range(200)]) for _ in range(20)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert shared.get("shared") == "4000"
    shared.close()


def main(host, port):
    for protocol in (2, 3):
        options = {"protocol": protocol, "decode_responses": True, "socket_timeout": 30}
        client = redis.Redis(host=host, port=port, **options)
        assert client.flushall()
        for part in (strings, keys, large_values, pipelines, errors, server):
            part(client)
        for part in (databases, clients, pool):
            part(host, port, options)
        assert client.flushdb() and client.dbsize() == 0
        print(f"redis-py {redis.__version__}, RESP{protocol}: ok")


main(sys.argv[1], int(sys.argv[2]))
