"""A connection to a server: requests, replies, pipelines (RESP2)."""
import socket


class Refused(Exception):
    """An error reply."""


def encode(words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Connection:
    """To a port of this machine. No reply within `patience` seconds is an OSError, as is a connection that ends."""

    def __init__(self, port, patience=60, auth=()):
        self.socket = socket.create_connection(("127.0.0.1", port), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        if auth:
            self.call("AUTH", *auth)

    def close(self):
        self.file.close()
        self.socket.close()

    def reply(self):
        """The next one; errors are given back, not raised."""
        line = self.file.readline()
        if line[-2:] != b"\r\n":
            raise ConnectionError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Refused(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        raise ConnectionError(f"no reply: {line!r}")

    def call(self, *words):
        """The reply to one request; an error is raised."""
        self.socket.sendall(encode(words))
        reply = self.reply()
        if isinstance(reply, Refused):
            raise Refused(f"{' '.join(str(w) for w in words)[:200]}: {reply}")
        return reply

    def pipeline(self, requests):
        """The replies to several, sent at once; errors stand among them."""
        self.socket.sendall(b"".join(map(encode, requests)))
        return [self.reply() for _ in requests]
