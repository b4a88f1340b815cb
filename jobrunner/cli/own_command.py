"""How a command of ours starts another one."""

import sys

JOBRUNNER = (sys.executable, "-m", "jobrunner")
"""By the interpreter that runs this one: what is found on the path may be of another environment."""
