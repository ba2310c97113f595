"""Data and writes of all types. A write is chosen by a seed alone; what it does may be by the server's own chance (SPOP) or clock."""
import random, threading, time

import wire

DATABASES = (0, 1, 2, 11)
# Emptied now and then.
FLUSHED = 3
KEYS = 30
BIG = 1_300_000

LIBRARY = """#!lua name=interop
redis.register_function('note', function(keys, args)
  redis.call('RPUSH', keys[1], args[1])
  redis.call('LTRIM', keys[1], -50, -1)
  return redis.call('INCR', keys[2])
end)
redis.register_function{function_name='peek', callback=function(keys) return redis.call('LLEN', keys[1]) end, flags={'no-writes'}}
"""
SCRIPTS = (
    "redis.call('SET', KEYS[1], ARGV[1]) redis.call('EXPIRE', KEYS[1], 500) return redis.call('APPEND', KEYS[1], 'x')",
    "local t = redis.call('TIME') redis.call('SET', KEYS[1], t[1] .. math.random(1000000))",
    "for i = 1, 20 do redis.call('SADD', KEYS[2], ARGV[1] .. i) end return redis.call('SPOP', KEYS[2], 5)",
    "redis.call('DEL', KEYS[1]) if #KEYS > 5 then redis.call('DEL', KEYS[2]) end return redis.call('PTTL', KEYS[1])",
)


class Choice:
    """Chooses keys, values and commands."""

    def __init__(self, seed, knows):
        self.r, self.knows, self.count = random.Random(seed), knows, 0
        self.groups = [[make for make in group if self.known(make)] for group in GROUPS]

    def known(self, make):
        return self.knows(make(self)[0])

    def key(self, kind):
        return f"{kind}:{self.r.randrange(KEYS)}"

    def value(self):
        self.count += 1
        r = self.r.random()
        if r < 0.3:
            return self.r.randrange(-100000, 10**12)
        if r < 0.9:
            return f"value-{self.count}-{self.r.getrandbits(40):x}"
        return self.r.randbytes(self.r.randrange(1, 3000))

    def member(self):
        return f"m{self.r.randrange(200)}" if self.r.random() < 0.5 else self.r.randrange(-300, 300)

    def field(self):
        return f"f{self.r.randrange(60)}"

    def members(self, most=8):
        return [self.member() for _ in range(self.r.randrange(1, most))]

    def pairs(self, first, second, most=8):
        return [word for _ in range(self.r.randrange(1, most)) for word in (first(), second())]

    def score(self):
        return self.r.choice([self.r.randrange(-50, 1000), round(self.r.uniform(-5, 5), 5), "inf"])

    def soon(self):
        """Milliseconds: some pass while a case runs, most do not."""
        return self.r.choice([1, 40, 300, 900, 100_000, 10_000_000])

    def stamp(self):
        return int(time.time() * 1000) + self.soon()

    def place(self):
        return [round(self.r.uniform(-170, 170), 4), round(self.r.uniform(-80, 80), 4), self.member()]

    def group(self):
        return self.r.choice(["g1", "g2"]), self.r.choice(["alice", "bob", "carol"])

    def command(self):
        return self.r.choice(self.r.choice(self.groups))(self)

    def unit(self):
        """A command, a transaction or, rarely, something large: a list of requests."""
        kind = self.r.random()
        if kind < 0.88:
            return [self.command()]
        if kind < 0.95:
            return [["MULTI"], *(self.command() for _ in range(self.r.randrange(0, 6))), ["EXEC"]]
        if kind < 0.998:
            return [["SELECT", self.r.choice(DATABASES)]]
        return [self.r.choice(LARGE)(self)]


def w(line):
    """A command with the placeholders of `fill`."""
    words = line.split()
    return lambda c: [part for word in words for part in fill(c, word)]


def fill(c, word):
    if word.startswith("$"):
        return [c.key(word[1:])]
    made = PLACES.get(word)
    return [word] if made is None else made(c)


PLACES = {
    "%v": lambda c: [c.value()], "%m": lambda c: [c.member()], "%mm": lambda c: c.members(), "%f": lambda c: [c.field()],
    "%fv": lambda c: c.pairs(c.field, c.value), "%sm": lambda c: c.pairs(c.score, c.member), "%n": lambda c: [c.r.randrange(1, 9)],
    "%i": lambda c: [c.r.randrange(-5, 20)], "%x": lambda c: [round(c.r.uniform(-9, 9), 3)], "%ms": lambda c: [c.soon()],
    "%s": lambda c: [c.r.choice([1, 100, 5000])], "%at": lambda c: [c.stamp()], "%bit": lambda c: [c.r.randrange(4000)],
    "%01": lambda c: [c.r.randrange(2)], "%place": lambda c: c.place(), "%g": lambda c: [c.r.choice(["g1", "g2"])],
    "%gc": lambda c: c.group(), "%side": lambda c: [c.r.choice(["LEFT", "RIGHT"])], "%script": lambda c: [c.r.choice(SCRIPTS)],
    "%vs": lambda c: [c.value() for _ in range(c.r.randrange(1, 6))], "%ff": lambda c: [c.field(), c.field()],
}


def commands(text):
    return [w(line) for line in text.strip().splitlines()]


GROUPS = [commands(text) for text in (
    """SET $str %v
    SET $str %v PX %ms
    SET $str %v EX %s GET
    SET $str %v KEEPTTL
    SET $str %v NX
    SET $str %v XX PXAT %at
    SETEX $str %s %v
    PSETEX $str %ms %v
    GETSET $str %v
    GETEX $str PX %ms
    GETEX $str PERSIST
    GETDEL $str
    APPEND $str %v
    SETRANGE $str %bit %v
    MSET $str %v $str %v
    MSETNX $str %v $str %v
    INCR $num
    INCRBY $num %i
    DECR $num
    INCRBYFLOAT $float %x""",
    """SETBIT $bits %bit %01
    SETBIT $bits %bit %01
    BITFIELD $bits SET u8 %bit %i INCRBY i5 %bit %i OVERFLOW SAT INCRBY u4 %bit %i
    BITOP XOR $bits $bits $bits
    BITOP NOT $bits $bits
    PFADD $hll %mm
    PFADD $hll %v %v %v
    PFMERGE $hll $hll $hll
    PFCOUNT $hll""",
    """RPUSH $list %vs
    LPUSH $list %vs
    LPUSHX $list %v
    LPOP $list
    RPOP $list %n
    LSET $list %i %v
    LINSERT $list BEFORE %v %v
    LREM $list %i %v
    LTRIM $list 0 40
    LMOVE $list $list %side %side
    RPOPLPUSH $list $list
    LMPOP 2 $list $list %side COUNT %n
    BLPOP $list $list 0.01
    BLMOVE $list $list %side %side 0.01
    BRPOP $list 0.01
    SORT $list ALPHA STORE $list""",
    """SADD $set %mm
    SADD $set %mm
    SADD $set %vs
    SREM $set %mm
    SPOP $set
    SPOP $set %n
    SPOP $set 1000
    SMOVE $set $set %m
    SUNIONSTORE $set $set $set
    SINTERSTORE $set $set $set
    SDIFFSTORE $set $set $set""",
    """HSET $hash %fv
    HSET $hash %fv
    HSETNX $hash %f %v
    HDEL $hash %ff
    HINCRBY $counts %f %i
    HINCRBYFLOAT $counts %f %x
    HEXPIRE $hash %s FIELDS 2 %ff
    HPEXPIRE $hash %ms FIELDS 1 %f
    HPEXPIREAT $hash %at FIELDS 1 %f
    HPERSIST $hash FIELDS 2 %ff
    HGETDEL $hash FIELDS 1 %f
    HGETEX $hash PX %ms FIELDS 1 %f
    HSETEX $hash PX %ms FIELDS 1 %f %v""",
    """ZADD $zset %sm
    ZADD $zset %sm
    ZADD $zset GT CH %sm
    ZADD $zset INCR %x %m
    ZINCRBY $zset %x %m
    ZREM $zset %mm
    ZPOPMIN $zset %n
    ZPOPMAX $zset
    BZPOPMIN $zset 0.01
    ZMPOP 2 $zset $zset MIN COUNT %n
    ZREMRANGEBYRANK $zset 10 12
    ZREMRANGEBYSCORE $zset 5 30
    ZUNIONSTORE $zset 2 $zset $zset WEIGHTS 1 2 AGGREGATE MAX
    ZINTERSTORE $zset 2 $zset $zset
    ZDIFFSTORE $zset 2 $zset $zset
    ZRANGESTORE $zset $zset 0 30
    GEOADD $geo %place
    GEOADD $geo %place
    GEOSEARCHSTORE $geo $geo FROMLONLAT 10 20 BYRADIUS 5000 km""",
    """XADD $stream * %fv
    XADD $stream MAXLEN ~ 100 * %fv
    XADD $stream MAXLEN 60 * %fv
    XADD $stream NOMKSTREAM MINID ~ 5-0 * %fv
    XTRIM $stream MAXLEN = 50
    XGROUP CREATE $stream %g 0 MKSTREAM
    XGROUP CREATE $stream %g $
    XGROUP CREATECONSUMER $stream %gc
    XGROUP DELCONSUMER $stream %gc
    XGROUP SETID $stream %g 0
    XGROUP DESTROY $stream %g
    XREADGROUP GROUP %gc COUNT %n STREAMS $stream >
    XREADGROUP GROUP %gc COUNT %n STREAMS $stream >
    XREADGROUP GROUP %gc COUNT %n NOACK STREAMS $stream >
    XAUTOCLAIM $stream %gc 0 0 COUNT %n
    XAUTOCLAIM $stream %gc 5 0 COUNT 2 JUSTID""",
    """DEL $str $list $set
    UNLINK $hash $zset
    EXPIRE $list %s
    PEXPIRE $set %ms
    PEXPIRE $zset %ms NX
    PEXPIREAT $hash %at
    PEXPIRE $stream %ms
    PEXPIRE $str -1
    PERSIST $set
    RENAME $str $str
    RENAMENX $list $list
    COPY $zset $zset REPLACE
    COPY $set $set DB 2
    COPY $stream $stream REPLACE
    MOVE $hash 1
    SWAPDB 1 2
    PUBLISH channel %v""",
    """EVAL %script 2 $str $set %v
    EVAL %script 2 $str $set %v
    FCALL note 2 $list $num %v
    FCALL note 2 $list $num %v
    SCRIPT LOAD %script""",
)]
LARGE = [
    lambda c: ["SET", "big:string", c.r.randbytes(BIG)],
    lambda c: ["APPEND", "big:appended", "y" * BIG] if c.r.random() < 0.5 else ["DEL", "big:appended"],
    lambda c: ["RPUSH", "big:list", c.r.randbytes(BIG), *range(3000)],
    lambda c: ["HSET", "big:hash", "field", c.r.randbytes(BIG)],
    lambda c: ["DEL", "big:list"],
]


def knows_both(*servers):
    """Whether all of these servers have a command."""
    names = [{row[0].decode() for row in server.call("COMMAND") if row} for server in servers]
    common = set.intersection(*names)
    return lambda command: str(command).lower() in common


class Requests:
    """An endless stream of them, over several databases."""

    def __init__(self, seed, knows):
        self.choice = Choice(seed, knows)
        self.database = 0

    def some(self, count):
        made = []
        while len(made) < count:
            made += self.flush() if self.choice.r.random() < 0.0015 else self.choice.unit()
            if made and made[-1][0] == "SELECT":
                self.database = made[-1][1]
        return made

    def flush(self):
        return [["SELECT", FLUSHED], ["FLUSHDB", "ASYNC"], self.choice.command(), self.choice.command(), ["SELECT", self.database]]


def fill_up(server, seed, knows, operations, extra=2000):
    """Data of all types, made by random writes, and more that nobody touches afterwards."""
    link = server.connect()
    link.call("FUNCTION", "LOAD", "REPLACE", LIBRARY)
    requests = Requests(seed, knows)
    for _ in range(operations // 50):
        link.pipeline(requests.some(50))
    link.call("SELECT", 5)
    for first in range(0, extra, 500):
        link.pipeline([still(first + n) for n in range(500)])
    link.pipeline([["SET", "big:still", "z" * BIG], ["RPUSH", "big:still:list", *range(20_000)], ["SADD", "big:still:set", *range(9000)],
                   ["HSET", "big:still:hash", *(f"x{n // 2}" for n in range(12_000))],
                   ["ZADD", "big:still:zset", *(n for n in range(12_000))]])
    link.close()


def still(n):
    key = f"still:{n}"
    return ([["SET", key, n], ["SET", key, "v" * (n % 300), "EX", 9000 + n], ["RPUSH", key, *range(n % 40 + 1)],
             ["SADD", key, *(f"m{i}" for i in range(n % 9 + 1))], ["HSET", key, "a", n, "b", "v" * (n % 100)],
             ["ZADD", key, n / 8, "m", 1e300, "n"], ["XADD", key, f"{n + 1}-7", "f", n], ["SADD", key, n, n + 1]])[n % 8]


PAUSE_S = 0.0004


class Writer(threading.Thread):
    """Writes to a server until it is ended. It may be sent to another one; where that is meant, it bears with lost connections."""

    def __init__(self, server, seed, knows, patient=False):
        super().__init__(daemon=True)
        self.server, self.requests, self.patient = server, Requests(seed, knows), patient
        self.ended, self.done, self.errors, self.trouble = False, 0, {}, None
        self.paused, self.idle = False, threading.Event()
        self.start()

    def run(self):
        while not self.ended:
            if self.paused:
                self.idle.set()
                time.sleep(0.002)
                continue
            try:
                self.write_on(self.server)
            except Exception as e:
                if not self.patient:
                    self.trouble = f"a writer could not go on: {e!r}"
                    return
                time.sleep(0.01)

    def write_on(self, server):
        link = server.connect()
        try:
            link.call("SELECT", self.requests.database)
            while not self.ended and not self.paused and server is self.server:
                made = self.requests.some(self.requests.choice.r.choice([1, 5, 60]))
                for words, reply in zip(made, link.pipeline(made)):
                    if isinstance(reply, wire.Refused):
                        self.refused(words, str(reply))
                self.done += len(made)
                # However fast the machine: what is written while a link is down for two seconds has to fit into the backlog.
                time.sleep(PAUSE_S * len(made))
        finally:
            link.close()

    def refused(self, words, reply):
        kind = " ".join(reply.split()[:2])
        self.errors.setdefault(kind, f"{' '.join(map(str, words))[:100]}: {reply[:100]}")
        if reply.startswith(("READONLY", "MASTERDOWN", "LOADING", "UNBLOCKED")) and self.patient:
            raise ConnectionError(reply)

    def pause(self):
        """Nothing of it is under way when this returns."""
        self.idle.clear()
        self.paused = True
        self.idle.wait(60)

    def go_on(self, server=None):
        self.server = server or self.server
        self.paused = False

    def end(self):
        self.ended = True
        self.join(60)
        if self.trouble:
            raise RuntimeError(self.trouble)
