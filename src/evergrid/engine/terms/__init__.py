"""The terms that a program may hold, one file each; the contract is `evergrid.engine.term`."""
