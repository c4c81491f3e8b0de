"""Child processes: started in a group of their own, waited for, and ended with all their descendants."""

import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

# The time that a process has to end by itself.
END_LIMIT_S = 15


def free_port() -> int:
    """Returns a port of this machine that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what: str, holds, limit_s: float = 30.0, pace_s: float = 0.1):
    """Polls until the result is truthy, and returns it."""
    give_up = time.monotonic() + limit_s
    while True:
        answer = holds()
        if answer:
            return answer
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: not within {limit_s:.0f} s")
        time.sleep(pace_s)


class Process:
    """A process that runs until `running` ends, with its output in a file."""

    def __init__(self, command: list[str], environment: dict[str, str], log: str, running: ExitStack):
        self.log = log
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)
        running.callback(self.stop)

    def output(self) -> str:
        """Returns its output so far."""
        with open(self.log, encoding="utf-8", errors="replace") as said:
            return said.read()

    def alive(self) -> bool:
        """Returns True while it runs; raises if it has ended too early."""
        if self.child.poll() is not None:
            raise RuntimeError(f"{self.child.args[0]} has ended:\n{self.output()[-2000:]}")
        return True

    def stop(self) -> None:
        """Terminates it, and then kills what is left of its group."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
        end_group(self.child)


def end_group(child: subprocess.Popen) -> None:
    """Kills a process and its descendants."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def run(command: list[str], environment: dict[str, str]) -> str:
    """Runs a command to its end; returns its standard output."""
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        output, errors = child.communicate()
    except BaseException:  # an interruption does not reach the command's children
        end_group(child)
        raise
    if child.returncode != 0:
        said = (output + errors)[-4000:]
        raise RuntimeError(f"{' '.join(command[:2])} ended with {child.returncode}:\n{said}")
    return output
