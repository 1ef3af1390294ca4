"""Processes that look at films, so that a film which kills a decoder kills none but them.

* `frames`  what goes through the pipe: JSON and plain bytes, never pickles
* `tasks`   what is asked and what comes back
* `child`   the process: one network, one film at a time, within limits
* `pool`    as many of them as there are cores, replaced when they die
"""
