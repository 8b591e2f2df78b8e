"""Holds the write lock of an SQLite database, as a long backup by another tool would.

usage: hold_lock.py FILE
Prints "held" and lets go when standard input ends.
"""

import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
