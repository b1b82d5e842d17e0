"""A web server that costs next to nothing: `/slow` answers after a while, the rest at once."""

import _thread
import os
import socket
import time


def answer(connection):  # type: ignore[no-untyped-def]
    with connection:
        request = connection.recv(65536)
        if request.startswith(b"GET /slow"):
            time.sleep(1.5)
        body = os.environ["SKYFLOW_REPLICA_ID"].encode()
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(os.environ["SKYFLOW_REPLICA_PORT"])))
listener.listen(128)
while True:
    _thread.start_new_thread(answer, (listener.accept()[0],))
