"""Whether two servers hold the same data: every key of every database, by type, deadline and content; functions as well."""
import time

import wire

DATABASES = 16
AT_ONCE = 200
CONTENT = {
    "string": [["GET"]],
    "list": [["LRANGE", 0, -1]],
    "set": [["SMEMBERS"]],
    "hash": [["HGETALL"]],
    "zset": [["ZRANGE", 0, -1, "WITHSCORES"]],
}


def keys_of(link):
    found, cursor = set(), b"0"
    while True:
        cursor, some = link.call("SCAN", cursor, "COUNT", 1000)
        found.update(some)
        if cursor == b"0":
            return found


def stream_of(link, key):
    """What replicas have to agree on. That is not when consumers were last seen, nor how many entries a group has read, of which
    Redis loses track; and Redis 8 and Valkey 9 do not tell their replicas of a consumer that XREADGROUP makes and gives nothing."""
    about = dict_of(link.call("XINFO", "STREAM", key))
    seen = [about.get(name) for name in (b"last-generated-id", b"max-deleted-entry-id", b"entries-added")]
    groups = []
    for group in map(dict_of, link.call("XINFO", "GROUPS", key)):
        name = group[b"name"]
        pending = link.call("XPENDING", key, name, "-", "+", 100000)
        rows_of = map(dict_of, link.call("XINFO", "CONSUMERS", key, name))
        consumers = sorted((row[b"name"], row[b"pending"]) for row in rows_of if row[b"pending"])
        # The time since delivery goes on while this is read.
        rows = [(row[0], row[1], row[3]) for row in pending]
        groups.append((name, group[b"last-delivered-id"], rows, consumers))
    return link.call("XRANGE", key, "-", "+"), seen, sorted(groups)


def dict_of(flat):
    return dict(zip(flat[::2], flat[1::2]))


def functions_of(link):
    libraries = map(dict_of, link.call("FUNCTION", "LIST", "WITHCODE"))
    names = lambda library: sorted(dict_of(function)[b"name"] for function in library[b"functions"])
    return sorted((library[b"library_name"], library[b"library_code"], names(library)) for library in libraries)


class Reader:
    """Reads one server."""

    def __init__(self, server, fields):
        self.link, self.fields = server.connect(), fields

    def kinds(self, keys):
        replies = self.link.pipeline([words for key in keys for words in (["TYPE", key], ["PEXPIRETIME", key])])
        return list(zip(replies[::2], replies[1::2]))

    def contents(self, keys, kinds):
        """Of each key something that is equal where the content is."""
        plain = [(key, kind) for key, (kind, _) in zip(keys, kinds) if kind in CONTENT]
        asked = [[CONTENT[kind][0][0], key, *CONTENT[kind][0][1:]] for key, kind in plain]
        replies = dict(zip((key for key, _ in plain), self.link.pipeline(asked)))
        for key, (kind, _) in zip(keys, kinds):
            if kind == "stream":
                replies[key] = self.quietly(stream_of, self.link, key)
            elif kind == "string" and isinstance(replies[key], bytes) and replies[key][:4] == b"HYLL":
                # The count that it keeps at hand, which PFCOUNT renews.
                replies[key] = replies[key][:8] + replies[key][16:]
            elif kind == "zset" and isinstance(replies[key], list):
                # Servers print the same number in several ways.
                replies[key] = list(zip(replies[key][::2], map(float, replies[key][1::2])))
            elif kind in ("set", "hash") and isinstance(replies[key], list):
                replies[key] = self.ordered(key, kind, replies[key])
        return [replies.get(key) for key in keys]

    def ordered(self, key, kind, reply):
        if kind == "set":
            return sorted(reply)
        names = sorted(reply[::2])
        deadlines = self.quietly(self.link.call, "HPEXPIRETIME", key, "FIELDS", len(names), *names) if self.fields else None
        return sorted(zip(reply[::2], reply[1::2])), deadlines

    def quietly(self, ask, *words):
        """It may have expired meanwhile."""
        try:
            return ask(*words)
        except wire.Refused as e:
            return str(e)


def shown(value):
    text = repr(value)
    return text if len(text) < 160 else f"{text[:120]}... ({len(text)} characters)"


def differences(one, other, fields=False):
    """Texts; the servers must not be written to, but keys may expire."""
    left, right = Reader(one, fields), Reader(other, fields)
    found = []
    try:
        for database in range(DATABASES):
            for reader in (left, right):
                reader.link.call("SELECT", database)
            keys = sorted(keys_of(left.link) | keys_of(right.link))
            for first in range(0, len(keys), AT_ONCE):
                some = keys[first:first + AT_ONCE]
                for key in suspects(left, right, some):
                    text = confirmed(left, right, key, patient=len(found) < 5)
                    found += [f"db{database} {key.decode(errors='replace')}: {text}"] if text else []
        if functions_of(left.link) != functions_of(right.link):
            found.append("functions differ")
    finally:
        left.link.close(), right.link.close()
    return found


def suspects(left, right, keys):
    kinds = left.kinds(keys), right.kinds(keys)
    contents = left.contents(keys, kinds[0]), right.contents(keys, kinds[1])
    return [key for key, *views in zip(keys, *kinds, *contents) if views[0] != views[1] or views[2] != views[3]]


def confirmed(left, right, key, patient):
    """The difference, unless it goes away by itself: something expired between two looks."""
    for _ in range(100 if patient else 1):
        kinds = left.kinds([key])[0], right.kinds([key])[0]
        contents = [reader.contents([key], [kind])[0] for reader, kind in zip((left, right), kinds)]
        if kinds[0] == kinds[1] and contents[0] == contents[1]:
            return None
        time.sleep(0.02)
    what = "type and deadline" if kinds[0] != kinds[1] else f"{kinds[0][0]}"
    views = kinds if kinds[0] != kinds[1] else first_difference(*contents)
    return f"{what}: {shown(views[0])} against {shown(views[1])}"


def first_difference(left, right):
    """The innermost part where two replies differ."""
    while isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
        left, right = next((a, b) for a, b in zip(left, right) if a != b)
    return left, right
