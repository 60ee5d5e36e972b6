"""The users of a product: a table in SQLite, looked up by id at every sign-in."""

import os
import sqlite3
from contextlib import closing
from threading import local

_kept = local()


def prepare(path, number):
    """As many users as that, with the ids from 1 on."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table if not exists user (id integer primary key, username text unique, email text)")
        rows = ((n, f"user{n}", f"user{n}@shop.example") for n in range(1, number + 1))
        db.executemany("insert or ignore into user values (?, ?, ?)", rows)


def _one(where, value):
    if not hasattr(_kept, "db"):
        _kept.db = sqlite3.connect(os.environ["BENCH_USERS"])
        _kept.db.row_factory = sqlite3.Row
    return _kept.db.execute(f"select id, username, email from user where {where} = ?", (value,)).fetchone()


def by_id(account_id):
    return _one("id", account_id)


def by_name(name):
    return _one("username", name)
