"""The command line: one file a command, found by its name only when it is called for.

`main.py` turns exceptions into exit codes, `render.py` prints; `style.py`, `layout.py`, `times.py`,
`plan_text.py` and `diagnostic_text.py` make the lines it prints.
"""
