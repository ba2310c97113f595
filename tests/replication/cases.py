"""What servers do with each other: each case is given a place where it makes its servers, and raises Failed."""
import contextlib, os, time

import compare, load, wire
from proxy import Proxy
from servers import Failed, Server, all_up, in_step, wait_for

# Of all servers: nothing that makes a test wait, and nothing that is dropped where partial resyncs are asked for.
COMMON = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--repl-backlog-size", "100mb"]


class Place:
    """Two kinds of servers, ours and theirs; one of them is the primary's, the other the replica's."""

    def __init__(self, home, ours, theirs, name, ours_is_replica, options):
        self.home, self.commands, self.name, self.ours_is_replica = home, {"ours": ours, name: theirs}, name, ours_is_replica
        self.kinds = (name, "ours") if ours_is_replica else ("ours", name)
        self.seed, self.operations, self.plant = options.seed, options.operations, options.plant
        self.servers, self.closing, self.cache = [], contextlib.ExitStack(), {}

    def server(self, kind, role, *options, **how):
        home = os.path.join(self.home, f"{len(self.servers)}-{role}-{kind}")
        server = Server(f"{role} {kind}", self.commands[kind], home, *COMMON, *options, **how)
        self.servers.append(server)
        return server

    def primary(self, *options, **how):
        return self.server(self.kinds[0], "primary", *options, **how)

    def replica(self, *options, **how):
        return self.server(self.kinds[1], "replica", *options, **how)

    def pair(self):
        """With data, and the link up."""
        primary, replica = self.primary(), self.replica()
        self.fill(primary)
        replica.follow(primary.port)
        all_up(replica)
        return primary, replica

    def proxy(self, server, rate=None):
        proxy = Proxy(server.port, rate)
        self.closing.callback(proxy.close)
        return proxy

    def knows(self, *servers):
        return load.knows_both(*servers)

    def fill(self, server, among=(), seed=0, **how):
        load.fill_up(server, self.seed * 1000 + seed, self.knows(*(among or self.one_of_each(server))), self.operations, **how)

    def one_of_each(self, server):
        """Servers that the writes have to be known to: all that there are."""
        return self.servers

    @contextlib.contextmanager
    def writing(self, server, count=2, patient=False):
        knows = self.knows(*self.servers)
        writers = [load.Writer(server, self.seed * 1000 + 7 + n, knows, patient) for n in range(count)]
        try:
            yield writers
        finally:
            for writer in writers:
                writer.ended = True
        for writer in writers:
            writer.end()

    def some_writes(self, writers, factor=1.0):
        goal = sum(writer.done for writer in writers) + int(self.operations * factor / 4)
        wait_for("more writes are answered", lambda: sum(w.done for w in writers) >= goal or tell_writers(writers))

    def same(self, primary, *replicas):
        """All have the same data, when nobody writes any more."""
        in_step(primary, *replicas)
        if self.plant:
            self.plant(replicas[-1])
        for replica in replicas:
            found = compare.differences(primary, replica, fields=self.knows(primary, replica)("hpexpiretime"))
            if found:
                raise Failed(f"{len(found)} differences between {primary.name} and {replica.name}: " + "; ".join(found[:3]))
        if sum(int(value[5:].split(",")[0]) for value in primary.info().values() if value.startswith("keys=")) < 300:
            raise Failed(f"{primary.name} has next to no data: nothing was compared")

    def clean(self):
        self.closing.close()
        for server in self.servers:
            server.kill()


def tell_writers(writers):
    return "; ".join(filter(None, (writer.trouble for writer in writers))) or "so many: " + str([w.done for w in writers])


def grown(server, field, before, what):
    wait_for(f"{field} of {server.name} grows: {what}", lambda: server.number(field) > before or f"it is {before}")


class Syncs:
    """Counts of a primary, and what has to be true of what comes next."""

    def __init__(self, primary):
        self.primary, self.full, self.partial = primary, primary.number("sync_full"), primary.number("sync_partial_ok")

    def partial_only(self, what, replica=None):
        grown_ = lambda: self.primary.number("sync_partial_ok") > self.partial or self.primary.number("sync_full") > self.full \
            or "neither has begun"
        wait_for(f"a partial resync with {self.primary.name} after this: {what}", grown_)
        if self.primary.number("sync_full") > self.full:
            raise Failed(f"a full sync with {self.primary.name} instead of a partial one after this: {what}")
        if replica:
            all_up(replica)
        self.partial = self.primary.number("sync_partial_ok")


# ---- Cases.

def full(place, diskless, how):
    """A replica that has other data takes the primary's, while others write."""
    primary = place.primary("--repl-diskless-sync", diskless)
    replica = place.replica("--repl-diskless-load", how)
    place.fill(primary)
    if how != "on-empty-db":
        place.fill(replica, seed=1, extra=500)
    with place.writing(primary) as writers:
        place.some_writes(writers)
        replica.follow(primary.port)
        all_up(replica)
        place.some_writes(writers)
    place.same(primary, replica)
    if primary.number("sync_full") != 1:
        raise Failed(f"{primary.name} counts {primary.number('sync_full')} full syncs instead of one")


def partial(place):
    """The link is lost in four ways, and nothing is sent twice."""
    primary, replica = place.primary(), place.replica()
    place.fill(primary)
    proxy = place.proxy(primary)
    replica.follow(proxy.port)
    all_up(replica)
    syncs = Syncs(primary)
    with place.writing(primary) as writers:
        proxy.cut(back=False)
        wait_for(f"{primary.name} has no replica", lambda: primary.number("connected_slaves") == 0)
        before = primary.offset()
        wait_for(f"{primary.name} goes on without it", lambda: primary.offset() > before + 200_000)
        proxy.mend()
        syncs.partial_only("the link was cut for a while", replica)
        place.some_writes(writers)
        primary.call("CLIENT", "KILL", "TYPE", "replica")
        syncs.partial_only("CLIENT KILL TYPE replica", replica)
        place.some_writes(writers)
        replica.call("CLIENT", "KILL", "TYPE", "master")
        syncs.partial_only("CLIENT KILL TYPE master", replica)
        proxy.stalled = True
        before = primary.offset()
        wait_for(f"{primary.name} goes on while the link stands still", lambda: primary.offset() > before + 200_000)
        proxy.cut()
        proxy.mend()
        syncs.partial_only("the link stood still and was cut", replica)
        place.some_writes(writers)
    place.same(primary, replica)


def stop_and_go(place):
    """Each of them stands still for a while and goes on: nothing is resynchronised."""
    primary, replica = place.pair()
    syncs = Syncs(primary)
    with place.writing(primary) as writers:
        replica.signal(19)
        before = primary.offset()
        wait_for(f"{primary.name} goes on without its replica", lambda: primary.offset() > before + 300_000)
        replica.signal(18)
        all_up(replica)
        place.some_writes(writers)
    primary.signal(19)
    time.sleep(0.3)
    primary.signal(18)
    place.same(primary, replica)
    if primary.number("sync_full") != syncs.full:
        raise Failed("a full sync, though nothing was lost")


def broken_sync(place):
    """The link is cut in the middle of a full sync, then the replica is killed in the middle of one."""
    primary, replica = place.primary(), place.replica("--repl-diskless-load", "swapdb")
    place.fill(primary)
    load_more = [["SET", f"ballast:{n}", os.urandom(20_000)] for n in range(300)]
    primary.connect().pipeline(load_more)
    place.fill(replica, seed=1, extra=500)
    proxy = place.proxy(primary, rate=8e6)
    with place.writing(primary, 1) as writers:
        replica.follow(proxy.port)
        wait_for("two megabytes have passed", lambda: proxy.passed > 2e6)
        proxy.cut()
        wait_for("the replica asks again", lambda: proxy.connections > 1)
        before = proxy.passed
        wait_for("a megabyte has passed", lambda: proxy.passed > before + 1e6)
        replica.kill()
        proxy.rate = 1e9
        replica.start()
        replica.follow(proxy.port)
        all_up(replica)
        place.some_writes(writers, 0.3)
    place.same(primary, replica)


def small_backlog(place):
    """What is missing is more than the backlog holds."""
    primary, replica = place.primary("--repl-backlog-size", "16kb"), place.replica()
    place.fill(primary)
    proxy = place.proxy(primary)
    replica.follow(proxy.port)
    all_up(replica)
    with place.writing(primary):
        proxy.cut(back=False)
        before = primary.offset()
        wait_for(f"{primary.name} goes on without it", lambda: primary.offset() > before + 3_000_000)
        proxy.mend()
        all_up(replica)
    place.same(primary, replica)


def chain(place):
    """A replica's replica: the same data at the same offset of the same history; the link in the middle is lost."""
    top, middle = place.primary(), place.replica()
    last = place.server(place.kinds[0], "last")
    place.fill(top)
    middle.follow(top.port)
    last.follow(middle.port)
    all_up(middle, last)
    with place.writing(top) as writers:
        place.some_writes(writers)
        syncs = Syncs(top)
        middle.call("CLIENT", "KILL", "TYPE", "master")
        syncs.partial_only("CLIENT KILL TYPE master in the middle", middle)
        place.some_writes(writers)
        below = Syncs(middle)
        last.call("CLIENT", "KILL", "TYPE", "master")
        below.partial_only("CLIENT KILL TYPE master at the end", last)
        place.some_writes(writers)
    place.same(top, middle, last)
    ids = {server.info("master_replid") for server in (top, middle, last)}
    if len(ids) != 1:
        raise Failed(f"the chain has several histories: {ids}")
    with place.writing(top) as writers:
        place.some_writes(writers, 0.5)
        syncs = Syncs(top)
        last.follow(top.port)
        syncs.partial_only("the last follows the first", last)
        place.some_writes(writers, 0.5)
    place.same(top, middle, last)


def restart(place, *options):
    """The replica is shut down, with all that it has on disk, and started again."""
    primary, replica = place.primary(), place.replica(*options)
    place.fill(primary)
    replica.follow(primary.port)
    all_up(replica)
    with place.writing(primary) as writers:
        place.some_writes(writers)
        syncs = Syncs(primary)
        replica.shut_down(*([] if options else ["SAVE"]))
        place.some_writes(writers)
        replica.start("--replicaof", "127.0.0.1", str(primary.port))
        all_up(replica)
        syncs.partial_only("the replica was shut down and started again", replica)
        place.some_writes(writers)
    place.same(primary, replica)


def restart_primary(place):
    """The primary is shut down with a dump and started again."""
    primary, replica = place.pair()
    with place.writing(primary) as writers:
        place.some_writes(writers)
    in_step(primary, replica)
    primary.shut_down("SAVE")
    primary.start()
    syncs = Syncs(primary)
    syncs.full, syncs.partial = 0, 0
    syncs.partial_only("the primary was shut down with a dump and started again", replica)
    with place.writing(primary) as writers:
        place.some_writes(writers)
    place.same(primary, replica)


def promote(place):
    """The replica becomes the primary of the old one and of another replica: both go on by the second id."""
    old, new = place.pair()
    other = place.server(place.kinds[0], "other")
    other.follow(old.port)
    all_up(other)
    with place.writing(old, patient=True) as writers:
        place.some_writes(writers)
        [writer.pause() for writer in writers]
        # Nothing may enter the old history any more: no ping, and nothing expires.
        old.set("repl-ping-replica-period", 3600)
        old.call("CLIENT", "PAUSE", 100_000, "WRITE")
        in_step(old, new, other)
        new.call("REPLICAOF", "NO", "ONE")
        [writer.go_on(new) for writer in writers]
        place.some_writes(writers, 0.5)
        syncs = Syncs(new)
        other.follow(new.port)
        syncs.partial_only("another replica follows the promoted one", other)
        old.follow(new.port)
        syncs.partial_only("the old primary follows the promoted one", old)
        old.call("CLIENT", "UNPAUSE")
        place.some_writes(writers)
    place.same(new, old, other)


def diverge(place):
    """The replica is promoted while the old primary is written to, and goes on being so: it has to take all anew."""
    old, new = place.pair()
    with place.writing(old, patient=True) as writers:
        place.some_writes(writers)
        new.call("REPLICAOF", "NO", "ONE")
        place.some_writes(writers)
        [writer.go_on(new) for writer in writers]
        place.some_writes(writers)
        before = new.number("sync_full")
        old.follow(new.port)
        all_up(old)
        grown(new, "sync_full", before, "the old primary has writes of its own")
        place.some_writes(writers)
    place.same(new, old)


def waits(place):
    """WAIT says how many have it, at once; not those to whom nothing comes through."""
    primary, replica = place.primary(), place.replica()
    place.fill(primary)
    proxy = place.proxy(primary)
    replica.follow(proxy.port)
    all_up(replica)
    link = primary.connect()
    began = time.monotonic()
    for n in range(30):
        link.call("SET", "waited", n)
        expect("WAIT 1 5000", link.call("WAIT", 1, 5000), 1)
    took = time.monotonic() - began
    if took > 15:
        raise Failed(f"30 times SET and WAIT 1 took {took:.0f} s: acknowledgements are not asked for")
    link.call("SET", "waited", "x")
    expect("WAIT 2 100 with one replica", link.call("WAIT", 2, 100), 1)
    proxy.stalled = True
    link.call("SET", "waited", "y")
    expect("WAIT 1 300 while the link stands still", link.call("WAIT", 1, 300), 0)
    proxy.mend()
    expect("WAIT 1 20000 when it goes on", link.call("WAIT", 1, 20000), 1)
    expect("the replica's value", replica.call("GET", "waited"), b"y")
    place.same(primary, replica)


def wait_aof(place):
    """WAITAOF counts whose append log has it on disk; a replica without one, or of before WAITAOF, never counts."""
    log = ["--appendonly", "yes", "--appendfsync", "everysec"]
    primary, replica = place.primary(*log), place.replica(*log)
    place.fill(primary)
    replica.follow(primary.port)
    all_up(replica)
    link = primary.connect()
    remote = 1 if place.knows(primary, replica)("waitaof") else 0
    if not load.knows_both(primary)("waitaof"):
        return "the primary has no WAITAOF"
    for n in range(3):
        link.call("SET", "waited", n)
        expect(f"WAITAOF 1 {remote} 20000", link.call("WAITAOF", 1, remote, 20000)[:1 + remote], [1, 1][:1 + remote])
    replica.set("appendonly", "no")
    link.call("SET", "waited", "x")
    expect("WAITAOF 1 1 1500 with a replica without a log", link.call("WAITAOF", 1, 1, 1500), [1, 0])
    replica.set("appendonly", "yes")
    if remote:
        link.call("SET", "waited", "y")
        expect("WAITAOF 0 1 20000 when it has one again", link.call("WAITAOF", 0, 1, 20000)[1], 1)
    place.same(primary, replica)


def expect(what, found, wanted):
    if found != wanted:
        raise Failed(f"{what}: {found!r} instead of {wanted!r}")


def failover(place):
    """FAILOVER there and back under writes: no answered write is lost."""
    one, other = place.pair()
    counted = 0
    with place.writing(one, patient=True) as writers:
        for old, new in ((one, other), (other, one)):
            place.some_writes(writers)
            link = old.connect()
            for _ in range(50):
                counted += 1
                expect("INCR counted", link.call("INCR", "counted"), counted)
            syncs = Syncs(new)
            old.call("FAILOVER", "TO", "127.0.0.1", new.port, "TIMEOUT", 20000)
            wait_for(f"{new.name} is the primary", lambda: new.info("role") == "master" or tell_failover(old))
            wait_for(f"{old.name} is a replica", lambda: old.info("role") == "slave" or tell_failover(old))
            [writer.go_on(new) for writer in writers]
            syncs.partial_only("FAILOVER", old)
            expect("GET counted after FAILOVER", int(new.call("GET", "counted")), counted)
            place.some_writes(writers)
    place.same(one, other)


def tell_failover(server):
    return f"role {server.info('role')}, master_failover_state {server.info('master_failover_state')}"


def failover_aborted(place):
    """FAILOVER that waits for a replica that stands still ends by its timeout and by ABORT, and writes go on."""
    primary, replica = place.pair()
    with place.writing(primary) as writers:
        for how in ("TIMEOUT", "ABORT"):
            place.some_writes(writers)
            replica.signal(19)
            before = primary.offset()
            wait_for("the replica lags behind", lambda: primary.offset() > before + 1000)
            primary.call("FAILOVER", "TIMEOUT", 300 if how == "TIMEOUT" else 100_000)
            if how == "ABORT":
                wait_for("FAILOVER is under way", lambda: primary.info("master_failover_state") != "no-failover")
                primary.call("FAILOVER", "ABORT")
            wait_for("FAILOVER has ended", lambda: primary.info("master_failover_state") == "no-failover")
            place.some_writes(writers, 0.2)
            replica.signal(18)
            expect("the role", primary.info("role"), "master")
    place.same(primary, replica)


def password(place):
    """A replica without the password stays outside; with it, it comes in."""
    primary = place.primary("--requirepass", "secret", auth=("secret",))
    replica = place.replica()
    place.fill(primary)
    proxy = place.proxy(primary)
    replica.follow(proxy.port)
    wait_for("the replica has tried", lambda: proxy.connections >= 2)
    expect("the link without a password", replica.info("master_link_status"), "down")
    replica.set("masterauth", "wrong")
    seen = proxy.connections
    wait_for("the replica has tried again", lambda: proxy.connections >= seen + 2)
    expect("the link with a wrong password", replica.info("master_link_status"), "down")
    replica.set("masterauth", "secret")
    all_up(replica)
    place.same(primary, replica)


def user(place):
    """A user who may replicate and nothing else; where the primary has users."""
    primary, replica = place.primary(), place.replica("--masteruser", "carrier", "--masterauth", "secret")
    place.fill(primary)
    try:
        primary.call("ACL", "SETUSER", "carrier", "on", ">secret", "+psync", "+replconf", "+ping")
    except wire.Refused as e:
        return f"the primary has no users: {e}"
    primary.call("ACL", "SETUSER", "default", "resetpass", ">other")
    replica.follow(primary.port)
    all_up(replica)
    primary.auth = ("other",)
    place.same(primary, replica)


def rules(place):
    """What a replica answers: writes, stale data, expired keys, messages, ROLE."""
    primary, replica = place.pair()
    refused(replica, "READONLY", "SET", "a", "b")
    listener = replica.connect()
    listener.call("SUBSCRIBE", "news")
    primary.call("PUBLISH", "news", "hello")
    expect("a message by way of the primary", listener.reply(), [b"message", b"news", b"hello"])
    expect("ROLE of the replica", replica.call("ROLE")[:4], [b"slave", b"127.0.0.1", primary.port, b"connected"])
    expect("ROLE of the primary", primary.call("ROLE")[2][0][:2], [b"127.0.0.1", b"%d" % replica.port])
    primary.call("SET", "short", "lived", "PX", 700)
    wait_for("the replica has the key", lambda: replica.call("GET", "short") == b"lived")
    primary.signal(19)
    wait_for("the replica shows it no longer", lambda: replica.call("GET", "short") is None and replica.call("EXISTS", "short") == 0)
    primary.signal(18)
    in_step(primary, replica)
    replica.set("replica-serve-stale-data", "no")
    primary.kill()
    wait_for("the link is down", lambda: replica.info("master_link_status") == "down")
    refused(replica, "MASTERDOWN", "GET", "short")
    replica.set("replica-serve-stale-data", "yes")
    replica.call("GET", "short")


def refused(server, kind, *words):
    try:
        reply = server.call(*words)
    except wire.Refused as e:
        if kind in str(e):
            return
        reply = str(e)
    raise Failed(f"{' '.join(words)} of {server.name}: {reply!r} instead of {kind}")


def empty_primary(place):
    """A primary that comes back with nothing does not empty ours, which says so, until it is told to take it."""
    primary, replica = place.pair()
    in_step(primary, replica)
    size = replica.call("DBSIZE")
    primary.kill()
    primary.start()
    wait_for("the replica says that it refuses", lambda: "refused" in tell_refusal(replica) or tell_link(replica))
    expect("keys of the replica", replica.call("DBSIZE"), size)
    replica.set("replica-accept-empty-primary", "yes")
    all_up(replica)
    expect("keys of the replica that was told to", replica.call("DBSIZE"), 0)


def tell_refusal(replica):
    return " ".join(name for name, value in replica.info().items() if "refused" in name and value not in ("", "0", "no"))


def tell_link(replica):
    return f"master_link_status {replica.info('master_link_status')}, {replica.call('DBSIZE')} keys"


def emptied(place):
    """FLUSHALL within a history that is known empties the replica, by the stream and by a full sync."""
    primary, replica = place.pair()
    primary.call("FLUSHALL")
    in_step(primary, replica)
    expect("keys after FLUSHALL", replica.call("DBSIZE"), 0)
    place.fill(primary)
    place.same(primary, replica)
