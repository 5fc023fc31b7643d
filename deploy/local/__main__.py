"""`python -m deploy.local FOLDER`: MongoDB and Kafka alone, for repeated test runs against the same servers."""

import signal
import sys
from pathlib import Path

from deploy.local.progress import Progress
from deploy.local.stack import LocalStack, Shape


def main() -> None:
    """Starts the servers with their data under FOLDER and waits for Ctrl-C."""
    progress = Progress()
    stack = LocalStack(Path(sys.argv[1]), Shape(test_commands=True))
    endpoints = stack.start(progress.done)
    progress.say(f"CLOSEDLOOP_TEST_STACK={sys.argv[1]}  # {endpoints.kafka} {endpoints.mongo}")
    wanted = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # only now: the servers would inherit it
    signal.sigwait(wanted)
    stack.stop()


main()
