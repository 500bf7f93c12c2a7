"""The questions users ask, one folder each, all of one shape: ``STUDY``, ``Config``, ``run``.

A study is listed in `registry`; the command, the documentation and the console find it there.
"""
