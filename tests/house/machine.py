"""What servers for tests need of the machine: ports that stay theirs, ids, an end with whoever started them."""

import base64
import ctypes
import os
import signal
import socket
import uuid

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def random_id():
    """16 random bytes as Kafka writes them: one that begins with a dash would be taken for an option."""
    while True:
        written = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not written.startswith("-"):
            return written


def die_with(parent):
    """What a new process does before its program starts: it asks to be killed when the thread ends that started it."""

    def bind():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it has ended already

    return bind


def hold(port):
    """A socket that keeps a port, or one that is free for 0. Nobody else is given the port, but a broker can listen on it, now and
    again after a kill: a bound socket that does not listen is no hindrance to one that may reuse the address."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((HOST, port))
    except OSError:
        held.close()
        raise
    return held
