"""Servers as processes, and waiting for what they are to do: always for a condition, until a deadline."""
import os, shlex, signal, socket, subprocess, time

import wire


class Failed(Exception):
    """What a case has found."""


# By how much longer than with a build for use everything may take.
PATIENCE = 30.0


def wait_for(what, condition, patience=None):
    """Until the condition holds; gives what it gave. What it says last, if it is a text, stands in the failure."""
    deadline, last = time.monotonic() + (patience or PATIENCE), None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last and not isinstance(last, str):
                return last
        except (OSError, wire.Refused) as e:
            last = str(e)
        time.sleep(0.01)
    raise Failed(f"waited {patience or PATIENCE:.0f} s for this: {what}" + (f" ({last})" if isinstance(last, str) else ""))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program, its port and its directory; started, ended and started again."""

    def __init__(self, name, command, home, *options, auth=(), core=None):
        self.name, self.home, self.port, self.auth, self.core = name, home, free_port(), auth, core
        self.command, self.options = shlex.split(os.path.expanduser(command)), list(options)
        self.process = self.connection = None
        os.makedirs(home, exist_ok=True)
        self.start()

    def start(self, *more):
        words = [] if self.core is None else ["taskset", "-c", str(self.core)]
        words += [*self.command, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.home, "--save", ""]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                words + self.options + list(more), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_for(f"{self.name} serves", self.serves, 60)

    def serves(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended at its start with {self.process.returncode}; its log: {self.log}")
        self.connection = None
        return self.call("PING") == "PONG"

    @property
    def log(self):
        return self.home.rstrip("/") + ".log"

    def connect(self, patience=60):
        return wire.Connection(self.port, patience, self.auth)

    def call(self, *words):
        """On a connection of its own, which is made anew when it is gone."""
        if self.connection is None:
            self.connection = self.connect()
        try:
            return self.connection.call(*words)
        except OSError:
            self.connection = None
            raise

    def set(self, name, value):
        self.call("CONFIG", "SET", name, value)

    def info(self, field=None):
        lines = (line.partition(":") for line in self.call("INFO", "all").decode("utf-8", "replace").splitlines())
        fields = {name: value for name, colon, value in lines if colon}
        return fields if field is None else fields.get(field, "")

    def number(self, field):
        return int(self.info(field) or 0)

    def signal(self, number):
        """To it and its children."""
        os.killpg(self.process.pid, number)

    def kill(self):
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        self.process.wait()
        self.connection = None

    def shut_down(self, *how):
        """By SHUTDOWN; the process has ended when this returns."""
        def accepted():
            # Refused while the append log is begun.
            try:
                self.connect().call("SHUTDOWN", *how)
            except OSError:
                return True

        wait_for(f"{self.name} ends by SHUTDOWN {' '.join(how)}", accepted, 60)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise Failed(f"waited 60 s for this: {self.name} ends by SHUTDOWN {' '.join(how)}")
        self.connection = None
        if status:
            raise Failed(f"SHUTDOWN {' '.join(how)} ended {self.name} with {status}")

    def alive(self):
        return self.process.poll() is None

    # ---- Replication.

    def follow(self, port):
        self.call("REPLICAOF", "127.0.0.1", port)

    def link_up(self):
        return self.info("master_link_status") == "up"

    def offset(self):
        return self.number("master_repl_offset")


def all_up(*replicas, patience=None):
    for replica in replicas:
        wait_for(f"{replica.name}'s link to its primary is up", lambda: replica.link_up() or tell_link(replica), patience)


def tell_link(replica):
    fields = replica.info()
    return ", ".join(f"{name}={fields[name]}" for name in fields if name.startswith(("master_", "role")))


def in_step(primary, *replicas, patience=None):
    """Until all have what the primary has now, and their offsets have been seen equal; nobody may write meanwhile."""
    def equal():
        offsets = [server.offset() for server in (primary, *replicas)]
        return len(set(offsets)) == 1 or "offsets " + ", ".join(map(str, offsets))

    all_up(*replicas, patience=patience)
    names = ", ".join(replica.name for replica in replicas)
    wait_for(f"{names} and {primary.name} are at the same offset", equal, patience)
