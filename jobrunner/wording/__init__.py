"""How the terminal and the pages tell of times, of states and of what others wrote: the same in both."""
