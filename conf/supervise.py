#!/usr/bin/python3
"""supervise.py - keeps a program running, and its socket open meanwhile.

    supervise.py [-m MODE] [-p PIDFILE] SOCKET PROGRAM [ARGUMENT ...]

For machines and users without systemd. The Unix socket SOCKET belongs to this
process and is handed to PROGRAM the way systemd does it (LISTEN_FDS). When
PROGRAM ends, it is started again after 0.1 s, later up to 5 s; who connects in
between waits in the socket's queue and is not refused. This matters because a
web server answers a refused connection with 503, and a 503 ends an EventSource
for good.

SIGTERM and SIGINT end PROGRAM and then this. SIGHUP starts PROGRAM anew.
"""
import argparse
import os
import signal
import socket
import sys
import time

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
FIRST_DELAY, LAST_DELAY = 0.1, 5.0      # seconds between two starts
HEALTHY = 10.0                          # who ran that long starts over


def say(text):
    print("supervise: " + text, file=sys.stderr, flush=True)


def listen(path, mode):
    """A listening socket at path. A dead one there is replaced. It gets its
    name when it listens, so that who sees it may connect."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
            sys.exit(f'supervise: "{path}" is served by another process')
        except FileNotFoundError:
            pass
        except ConnectionRefusedError:
            os.unlink(path)
    new = f"{path}.{os.getpid()}"
    os.umask(0o777 & ~mode)
    sock.bind(new)
    os.umask(0o022)
    sock.listen(4096)
    os.rename(new, path)
    return sock


def start(sock, command):
    child = os.fork()
    if child != 0:
        return child
    try:
        os.dup2(sock.fileno(), 3)       # the first passed descriptor is 3
        os.set_inheritable(3, True)
        os.environ["LISTEN_PID"] = str(os.getpid())
        os.environ["LISTEN_FDS"] = "1"
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.execvp(command[0], command)
    except OSError as error:
        say(f'could not run "{command[0]}": {error.strerror}')
    os._exit(127)


def supervise(sock, command):
    child, stopping = None, False
    delay, begun = FIRST_DELAY, 0.0
    while child is not None or not stopping:
        if child is None:
            begun = time.monotonic()
            child = start(sock, command)
        signo = signal.sigwait(SIGNALS)
        if signo != signal.SIGCHLD:
            stopping = stopping or signo != signal.SIGHUP
            os.kill(child, signal.SIGTERM)
            continue
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == 0:
            continue
        child = None
        if stopping:
            continue
        if time.monotonic() - begun > HEALTHY:
            delay = FIRST_DELAY
        code = os.waitstatus_to_exitcode(status)
        say(f"{os.path.basename(command[0])} ended with "
            + (f"signal {-code}" if code < 0 else f"status {code}")
            + f", starts again in {delay:.1f} s")
        asked = signal.sigtimedwait(SIGNALS - {signal.SIGCHLD}, delay)
        stopping = asked is not None and asked.si_signo != signal.SIGHUP
        delay = min(delay * 2, LAST_DELAY)


def main():
    parser = argparse.ArgumentParser(
        description="Keep a program running, and its socket open meanwhile.")
    parser.add_argument("-m", dest="mode", default="0660",
                        help="mode of the socket (default: 0660)")
    parser.add_argument("-p", dest="pidfile", help="write the process id there")
    parser.add_argument("socket")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="PROGRAM ...")
    args = parser.parse_args()
    if not args.command:
        parser.error("which program?")
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    sock = listen(args.socket, int(args.mode, 8))
    try:
        if args.pidfile:
            with open(args.pidfile, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        supervise(sock, args.command)
    finally:
        os.unlink(args.socket)
        if args.pidfile:
            os.unlink(args.pidfile)


if __name__ == "__main__":
    main()
