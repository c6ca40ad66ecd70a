#!/usr/bin/python3
"""Ranges of ports for stacks that run side by side: 240 of 40 ports, from 20000 up, so below 32768,
where the ports of outgoing connections begin.

    hold()                  (base port, the lock that holds its range until it is closed); None when
                            all are taken
    t/ports.py PROGRAM ARG...   becomes PROGRAM --ports BASE ARG..., with the lock as descriptor 8
"""
import fcntl
import os
import socket
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRST, SLOTS, SIZE = 20000, 240, 40
USED = 35               # of a range, by the servers; see scripts/stack --help


def free(base):
    """Whether nobody, of this tree or another, listens on the ports of a range."""
    for port in range(base, base + USED):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def hold():
    folder = os.path.join(TREE, "build", "ports")
    os.makedirs(folder, exist_ok=True)
    for i in range(SLOTS):
        slot = (os.getpid() + i) % SLOTS
        base = FIRST + slot * SIZE
        lock = open(os.path.join(folder, str(slot)), "w", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if free(base):
            return base, lock
        lock.close()
    return None


def main():
    held = hold()
    if held is None:
        print("ports: no range is free", file=sys.stderr)
        return 1
    base, lock = held
    if lock.fileno() == 8:
        os.set_inheritable(8, True)
    else:
        os.dup2(lock.fileno(), 8)
    program, *args = sys.argv[1:]
    os.execv(program, [program, "--ports", str(base), *args])


if __name__ == "__main__":
    sys.exit(main())
