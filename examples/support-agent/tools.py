"""The agent's tools: a small CRM, tickets and refunds in an SQLite file.  They know nothing of gatekeeper."""

import sqlite3


class ToolError(Exception):
    """A tool refused or failed; code is fit for a result's error.code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Shop:
    """The shop's own database; made with some customers, orders and tickets when the file is new."""

    def __init__(self, path):
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("""
            CREATE TABLE IF NOT EXISTS customer (id TEXT PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS purchase (id TEXT PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS refund (id INTEGER PRIMARY KEY, purchase TEXT NOT NULL UNIQUE,
                cents INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS ticket (id TEXT PRIMARY KEY, text TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS reply (ticket TEXT NOT NULL, text TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS search (text TEXT NOT NULL);
            INSERT OR IGNORE INTO customer VALUES ('c_1', 'Ada Example'), ('c_2', 'Bo Example');
            INSERT OR IGNORE INTO purchase VALUES ('A-1001', 'c_1', 12050), ('A-1002', 'c_2', 900);
            INSERT OR IGNORE INTO ticket VALUES ('T-1', 'The kettle came broken. Order A-1001.');
            """)

    def crm_search(self, text, page=0):
        self._db.execute("INSERT INTO search VALUES (?)", (text,))
        found = self._db.execute("SELECT id, name FROM customer WHERE name LIKE ? ORDER BY id LIMIT 10 OFFSET ?",
                                 (f"%{text}%", 10 * page))
        return {"customers": [{"id": key, "name": name} for key, name in found]}

    def refund_create(self, order, amount, currency):
        row = self._db.execute("SELECT cents FROM purchase WHERE id = ?", (order,)).fetchone()
        if row is None:
            raise ToolError("refund.no_such_order", f"there is no order {order}")
        cents = round(amount * 100)
        if currency != "EUR" or not 0 < cents <= row[0]:
            raise ToolError("refund.bad_amount", f"{amount} {currency} can't be refunded for {order}")
        try:
            key = self._db.execute("INSERT INTO refund (purchase, cents) VALUES (?, ?)", (order, cents)).lastrowid
        except sqlite3.IntegrityError as error:
            raise ToolError("refund.done_before", f"{order} was refunded before") from error
        return {"refund": f"R-{key}"}

    def ticket_reply(self, ticket, text):
        if self._db.execute("SELECT 1 FROM ticket WHERE id = ?", (ticket,)).fetchone() is None:
            raise ToolError("ticket.unknown", f"there is no ticket {ticket}")
        self._db.execute("INSERT INTO reply VALUES (?, ?)", (ticket, text))
        return {"ticket": ticket, "answered": True}

    def count(self, table):
        """Rows in a table: what really happened."""
        if table not in ("search", "refund", "reply"):
            raise ValueError(table)
        return self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
