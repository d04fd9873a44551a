"""A server that costs next to nothing: each get_event_log gets the same life.

`fast_server [PORT [open]]` prints its port. With `open` it is the life of an alert that has not ended.
"""

import asyncio
import json
import sys

import click

_IS_OPEN = sys.argv[2:] == ["open"]
_ROWS = [("RECOVER", "12:40:00"), ("ACK", "11:40:56"), ("ACTION", "11:31:29"), ("CREATE", "11:31:26")]
_BODY = json.dumps(
    {
        "result": True,
        "code": 200,
        "message": "ok",
        "data": [
            {
                "operate": operate,
                "message": "",
                "extend_info": {},
                "status": "SUCCESS",
                "event_id": 164239028644167,
                "create_time": f"2022-01-17 {at}",
            }
            for operate, at in (_ROWS[1:] if _IS_OPEN else _ROWS)
        ],
    }
).encode()
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(_BODY)).encode()
    + b"\r\n\r\n"
    + _BODY
)


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port)
    click.echo(server.sockets[0].getsockname()[1])
    sys.stdout.flush()
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if sys.argv[1:] else 0))
