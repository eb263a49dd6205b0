"""A wire between clients and a server on this machine, which can be cut: a port that hands every byte on.

    with Wire("127.0.0.1:9092") as wire:
        …              # clients use wire.address
        wire.cut()     # every connection ends, in the middle of whatever was on its way; new ones go through

Runs in a thread of its own.
"""

import asyncio
import contextlib
import socket
import struct
import threading

HOST = "127.0.0.1"
PIECE = 64 << 10
PATIENCE_S = 60


class Wire:
    def __init__(self, server):
        self.server = server.rsplit(":", 1)
        self.loop = asyncio.new_event_loop()
        self.writers = set()
        self.socket = socket.create_server((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.address = f"{HOST}:{self.port}"
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
        self.socket.close()

    def cut(self):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (self._cut(), done.set()))
        if not done.wait(PATIENCE_S):
            raise TimeoutError("the wire was not cut")

    def _cut(self):
        for writer in list(self.writers):
            with contextlib.suppress(OSError):  # it has ended by itself
                # With a reset, not an orderly end.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self.writers.clear()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.socket))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection(*self.server)
        except OSError:
            writer.transport.abort()
            return
        self.writers |= {writer, there_writer}
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        self.writers -= {writer, there_writer}

    async def _pump(self, reader, writer):
        try:
            while piece := await reader.read(PIECE):
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
