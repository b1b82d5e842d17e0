"""Writes numbered pieces with the time at which each was written: `talker.py PAUSE COUNT END SIZE`.

COUNT pieces of SIZE bytes every PAUSE seconds, each closed by END.
"""

import os
import sys
import time

pause, count, end, size = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
end = end.replace("newline", "\n")
number, due = 0, time.time()
while True:
    head = [f"{number + each} {time.time():.6f} " for each in range(count)]
    data = "".join(text + "x" * (size - len(text) - len(end)) + end for text in head).encode()
    while data:
        data = data[os.write(1, data) :]
    number, due = number + count, due + pause
    time.sleep(max(0.0, due - time.time()))
