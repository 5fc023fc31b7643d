"""`python -m tests.bench.stage_profile FILE MODULE …`: runs a module, from SIGUSR1 on under a profiler by CPU time.

Waiting for the other processes of a busy machine is thus nobody's cost, nor is what happens while it starts.
"""

import cProfile
import runpy
import signal
import sys
import time


def main() -> None:
    output, module = sys.argv[1:3]
    profile = cProfile.Profile(time.thread_time)
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    sys.argv = sys.argv[2:]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        profile.disable()
        profile.dump_stats(output)


if __name__ == "__main__":
    main()
