"""A link between a replica and its primary that can be cut, stalled, slowed down, or made to change a byte."""
import selectors, socket, threading, time


class Proxy:
    """Listens at `port` and passes on to `target`. One thread; its methods may be called from any.

    `rate` bounds the bytes a second from target to client, and with it the buffers on the way, so that the bound is felt.
    """

    def __init__(self, target, rate=None):
        self.target, self.rate = target, rate
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        self.stalled = self.refusing = self.ended = self.changed = False
        self.spoil = None
        self.pairs, self.passed, self.connections = [], 0, 0
        self.due = time.monotonic()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def cut(self, back=True):
        """Ends all connections; none is made anew unless they may come back."""
        self.refusing = not back
        for pair in list(self.pairs):
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def mend(self):
        self.stalled = self.refusing = False

    def close(self):
        self.ended = True
        self.cut(back=False)
        self.thread.join(5)
        self.listener.close()

    # ---- The thread.

    def run(self):
        while not self.ended:
            stalled, self.changed = self.stalled, False
            with selectors.DefaultSelector() as ready:
                ready.register(self.listener, selectors.EVENT_READ)
                for pair in () if stalled else self.pairs:
                    for end, other in (pair, pair[::-1]):
                        ready.register(end, selectors.EVENT_READ, other)
                while not self.ended and self.stalled == stalled and not self.changed:
                    for key, _ in ready.select(0.01):
                        self.accept() if key.data is None else self.move(key.fileobj, key.data)

    def accept(self):
        client, _ = self.listener.accept()
        if self.refusing:
            return client.close()
        server = socket.socket()
        if self.rate:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024)
        try:
            server.connect(("127.0.0.1", self.target))
        except OSError:
            server.close()
            return client.close()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        self.pairs.append((client, server))
        self.changed = True

    def move(self, source, target):
        pair = next((pair for pair in self.pairs if source in pair), None)
        if pair is None:
            return
        to_client = source is pair[1]
        try:
            data = source.recv(65536)
            if data and to_client:
                data = self.shaped(data)
            if data:
                return target.sendall(data)
        except OSError:
            pass
        self.pairs.remove(pair)
        self.changed = True
        for end in pair:
            end.close()

    def shaped(self, data):
        if self.spoil and self.spoil[0] in data:
            data, self.spoil = data.replace(*self.spoil, 1), None
        if self.rate:
            self.due = max(self.due, time.monotonic() - 0.05) + len(data) / self.rate
            time.sleep(max(0.0, self.due - time.monotonic()))
        self.passed += len(data)
        return data
