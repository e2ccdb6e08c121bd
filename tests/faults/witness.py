"""How slow the machine is: a process that does next to nothing, and times it.

It rests for 10 ms and runs the smallest statement, over and over. A turn that
took longer than 30 ms is a stall of the machine or of PostgreSQL, and no fault
of a gateway.
"""
import contextlib
import threading
import time

import psycopg2

REST_S = 0.01
STALL_S = 0.03


def watch(conninfo, stalls, done):
    connection, begun = None, time.monotonic()
    while not done.wait(REST_S):
        try:
            if connection is None:
                connection = psycopg2.connect(conninfo)
                connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            connection = None
        ended = time.monotonic()
        if ended - begun > STALL_S:
            stalls.append((begun, ended))
        begun = ended


def main(pipe, conninfo):
    """Sends its stalls, as (begin, end) of time.monotonic(), when told to end."""
    stalls, done = [], threading.Event()
    threading.Thread(target=watch, args=(conninfo, stalls, done), daemon=True).start()
    with contextlib.suppress(EOFError):
        pipe.recv()
        done.set()
        pipe.send(stalls)
