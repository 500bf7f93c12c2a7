"""The questions users ask, one file each, all of one shape: ``Config``, ``Result``, ``run``.

A study is listed in `registry`; the command, the documentation and the console find it there.
"""
