# SPDX-License-Identifier: MIT
"""Clients that send at fixed times, each on a connection of its own, and write down every answer.

They are processes of their own, and ask for real-time priority: what an answer takes is to be the
gateway's time and not the wait for a client that has no processor.
"""

import gc
import multiprocessing
import os
import re
import select
import socket
import time

FORK = multiprocessing.get_context("fork")
PATIENCE = 5      # seconds for a connection to every worker
LONGEST = 0.0005  # seconds of sleep in the loop, so that nothing is sent late


class Connection:
    def __init__(self, port, path, interval, first):
        self.port, self.interval, self.due = port, interval, first
        self.request = f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.socket, self.worker = None, 0
        self.sent, self.got = None, b""

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent, self.got = None, b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def send(self, now):
        self.sent = now
        self.socket.send(self.request)

    def receive(self):
        """Worker, peer and status of an answer, or nothing while it is not whole."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self.got += data
        head, end, body = self.got.partition(b"\r\n\r\n")
        if not end:
            return None
        length = re.search(rb"\nContent-Length: (\d+)", head)
        if length and len(body) < int(length[1]):
            return None
        worker = re.search(rb"\nX-Pid: (\d+)", head)
        peer = re.search(rb"\nX-Peer: ([^\r]+)", head)
        self.got = b""
        self.worker = int(worker[1])
        return self.worker, peer[1].decode() if peer else "", int(head[9:12])

    def ask(self):
        """Once, and waits for the answer."""
        self.send(time.monotonic())
        while (answer := self.receive()) is None:
            pass
        self.sent = None
        return answer


def settle(connections, workers):
    """Opens what is closed, so that connections of one path come to different workers."""
    end = time.monotonic() + PATIENCE
    for connection in connections:
        if connection.socket is not None:
            continue
        others = {c.worker for c in connections
                  if c is not connection and c.socket and c.request == connection.request}
        while True:
            connection.open()
            worker = connection.ask()[0]
            if len(others) >= workers or worker not in others or time.monotonic() > end:
                break
            connection.close()
        connection.socket.setblocking(False)


def run(connections, workers, pipe):
    """Until the pipe says so; then what was seen goes there: (sent, took, worker, peer, status)."""
    gc.disable()
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        pass  # the table shows what pauses there are at rest
    seen, lost = [], []
    poll = select.epoll()
    settle(connections, workers)
    start = time.monotonic()
    by_file = {}
    for connection in connections:
        by_file[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.due += start
    pipe.send("ready")

    def reopen(connection, now):
        if connection.sent is not None:
            lost.append(connection.sent)
        by_file.pop(connection.socket.fileno(), None)
        connection.close()
        while True:
            try:
                connection.open()
                break
            except OSError:
                time.sleep(0.001)
        connection.socket.setblocking(False)
        by_file[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        connection.due = now

    while not pipe.poll():
        now = time.monotonic()
        for connection in connections:
            if connection.due > now:
                continue
            connection.due = max(connection.due + connection.interval, now)
            if connection.sent is None:
                try:
                    connection.send(now)
                except OSError:
                    reopen(connection, now)
        left = min(connection.due for connection in connections) - time.monotonic()
        for file, _ in poll.poll(max(0, min(left, LONGEST))):
            connection = by_file[file]
            try:
                answer = connection.receive()
            except BlockingIOError:
                continue
            except OSError:
                reopen(connection, time.monotonic())
                continue
            if answer is not None:
                now = time.monotonic()
                seen.append((connection.sent, now - connection.sent, *answer))
                connection.sent = None
    for connection in connections:
        connection.close()
    pipe.send((seen, lost))


class Streams:
    """Connections to paths, each path as often as there are workers or as is said."""

    def __init__(self, port, paths, interval, workers, count):
        connections = [Connection(port, paths[i % len(paths)], interval, interval * i / count)
                       for i in range(count)]
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=run, args=(connections, workers, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()

    def end(self):
        """What was seen, and when was sent what had no answer."""
        self.pipe.send("end")
        seen, lost = self.pipe.recv()
        self.process.join()
        return seen, lost
