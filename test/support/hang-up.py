"""Runs a program on a terminal of its own, hangs up once it has said a word, and says how it ended.

hang-up.py WORD SIGNAL PROGRAM [ARGUMENT...]; SIGNAL, or -, is sent half a second after the hang-up.
"""

import os
import pty
import select
import signal
import sys
import time

WORD, SIGNAL, PROGRAM = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
LONGEST_S = 20

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(PROGRAM[0], PROGRAM)
end = time.monotonic() + LONGEST_S
said = b""
while WORD not in said and time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            break
print(said.decode(errors="replace"), flush=True)
os.close(terminal)
time.sleep(0.5)
ended, status = os.waitpid(pid, os.WNOHANG)
print("ended" if ended else "runs", flush=True)
if not ended and SIGNAL != "-":
    os.kill(pid, getattr(signal, SIGNAL))
while not ended and time.monotonic() < end:
    ended, status = os.waitpid(pid, os.WNOHANG)
    time.sleep(0.02)
if not ended:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
print("code %d" % os.waitstatus_to_exitcode(status))
