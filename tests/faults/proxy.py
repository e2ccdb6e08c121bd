"""The wire between gateways and PostgreSQL, which can be cut and delayed.

A process of its own: each gateway connects to a Unix socket here. Orders come
through a pipe as tuples: ("cut", name, seconds) closes the connections and
refuses new ones for a while; ("delay", name, seconds, each) holds every piece
back for so long; ("hold", name, seconds) passes nothing on, without a word.
"""
import asyncio
import contextlib
import os


class Wire:
    """All connections of one gateway."""

    def __init__(self, target):
        self.target = target
        self.writers = set()
        self.cut = False
        self.pause = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.order = 0

    async def accept(self, reader, writer):
        if self.cut:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(
                self.target)
        except OSError:
            writer.close()
            return
        both = {writer, far_writer}
        self.writers |= both
        await asyncio.gather(self.pump(reader, far_writer),
                             self.pump(far_reader, writer))
        self.writers -= both

    async def pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.pause:
                    await asyncio.sleep(self.pause)
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def obey(self, kind, seconds, each=0.0):
        self.order += 1
        order = self.order
        if kind == "cut":
            self.cut = True
            for writer in self.writers:
                writer.transport.abort()
        elif kind == "delay":
            self.pause = each
        elif kind == "hold":
            self.open.clear()
        await asyncio.sleep(seconds)
        if order == self.order:      # else a later one heals it
            self.cut, self.pause = False, 0.0
            self.open.set()


async def serve(pipe, target, sockets):
    wires, servers = {}, []
    for name, path in sockets.items():
        wires[name] = Wire(target)
        servers.append(await asyncio.start_unix_server(wires[name].accept, path))
        os.chmod(path, 0o777)
    done = asyncio.Event()
    tasks = set()

    def on_order():
        try:
            kind, name, *rest = pipe.recv()
        except EOFError:
            done.set()
            return
        task = asyncio.ensure_future(wires[name].obey(kind, *rest))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    asyncio.get_running_loop().add_reader(pipe.fileno(), on_order)
    pipe.send("ready")
    await done.wait()


def main(pipe, target, sockets):
    """sockets: path by gateway's name; ends when the pipe is closed."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(pipe, target, sockets))
