"""Asks the product for runs of `bench/stamp`, one after the other: NUMBER EVERY_SECONDS."""

import sys
import time

from jobrunner import trigger

for _ in range(int(sys.argv[1])):
    trigger("bench/stamp", {"sent_at": time.time()})
    time.sleep(float(sys.argv[2]))
