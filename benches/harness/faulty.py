"""An upstream that fails in every way it can, and clients that ask it for something and sometimes leave."""

import asyncio
import collections
import contextlib
import json
import random

from .gateways import CHAT_PATH

CHUNKS = 6
CHUNK_SECONDS = 0.02
HANG_SECONDS = 3
# What becomes of a request, by the share that it happens to; everything else is answered well.
FAULTS = {"rate": 0.02, "error": 0.015, "reset": 0.01, "hang": 0.005}
CUT_STREAMS = 0.02
LEAVING_CLIENTS = 0.03
PATIENCE_SECONDS = 60


class FaultyUpstream:
    def __init__(self, port):
        self.port = port
        self.done = collections.Counter()

    async def serve(self):
        return await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)

    async def _connection(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer(await _read_request(reader), writer):
                pass
        writer.close()

    async def _answer(self, body, writer):
        """Answers, and says whether the connection goes on."""
        what = self._draw(b'"stream": true' in body)
        self.done[what] += 1
        if what == "reset":
            writer.transport.abort()
            return False
        if what in ("stream", "cut"):
            return await self._stream(writer, is_cut=what == "cut")
        if what == "hang":
            await asyncio.sleep(HANG_SECONDS)
        status, more = {"rate": (429, "retry-after: 1\r\n"), "error": (500, "")}.get(what, (200, ""))
        answer = {"error": {"message": what}} if status != 200 else _completion()
        text = json.dumps(answer)
        head = f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{more}content-length: {len(text)}\r\n\r\n"
        writer.write((head + text).encode())
        await writer.drain()
        return True

    @staticmethod
    def _draw(is_stream):
        chance = random.random()
        for what, share in FAULTS.items():
            chance -= share
            if chance < 0:
                return what
        if not is_stream:
            return "plain"
        return "cut" if random.random() < CUT_STREAMS else "stream"

    @staticmethod
    async def _stream(writer, is_cut):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(CHUNKS):
            if is_cut and number == CHUNKS // 2:
                writer.transport.abort()
                return False
            writer.write(_chunk(f"data: {json.dumps(_delta(is_last=number == CHUNKS - 1))}\n\n"))
            await writer.drain()
            await asyncio.sleep(CHUNK_SECONDS)
        writer.write(_chunk("data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()
        return True


async def ask(port, token, seen):
    """One request, and what its client makes of it; it says goodbye properly, so that the server reads what it sent."""
    is_stream, is_leaving = random.random() < 0.5, random.random() < LEAVING_CLIENTS
    text = "x" * random.randrange(3_000)
    body = json.dumps({"model": "m", "stream": is_stream, "messages": [{"role": "user", "content": text}]}).encode()
    head = f"POST {CHAT_PATH} HTTP/1.1\r\nhost: soak\r\nconnection: close\r\nauthorization: Bearer {token}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        seen["sent"] += 1
        if is_leaving:
            await asyncio.sleep(random.random() / 10)
            seen["left"] += 1
            return
        answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
        status = answer[9:12].decode() or "nothing"
        seen["cut" if status == "200" and is_stream and b"[DONE]" not in answer else status] += 1
    except (ConnectionError, TimeoutError) as error:
        seen[type(error).__name__] += 1
    finally:
        writer.close()


async def _read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(int(lengths[0])) if lengths else b""


def _completion():
    message = {"role": "assistant", "content": "ok"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}


def _delta(is_last):
    return {"choices": [{"index": 0, "delta": {"content": "ab"}, "finish_reason": "stop" if is_last else None}]}


def _chunk(text):
    data = text.encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
