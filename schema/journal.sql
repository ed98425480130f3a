-- The journal's store, version 2.  Built into the program; gatekeeper/journal/store.c tells why it is so.

-- One row per event: its canonical bytes, and copies of what a search asks for (63-bit hashes, 0: none;
-- decision is -1 where the event has none).  run_first is the seq of the run's first event, 0 where there is no run.
CREATE TABLE body (
	seq INTEGER PRIMARY KEY,
	run INTEGER NOT NULL,
	run_first INTEGER NOT NULL,
	tenant INTEGER NOT NULL,
	agent INTEGER NOT NULL,
	actor INTEGER NOT NULL,
	action INTEGER NOT NULL,
	action_key INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	approval INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	decision INTEGER NOT NULL,
	layer INTEGER NOT NULL,
	scope INTEGER NOT NULL,
	time INTEGER NOT NULL,
	bytes BLOB NOT NULL
) STRICT;
CREATE INDEX body_run ON body (run) WHERE run_first = seq AND run <> 0;
CREATE INDEX body_run_first ON body (run_first) WHERE run_first <> 0;
-- snapshot, retention and redaction: what a start and a verification look for.
CREATE INDEX body_snapshot ON body (kind) WHERE kind = 13 OR kind = 14 OR kind = 15;

-- Below the minimum: bodies that are kept for a legal hold, and genesis.  The same columns.
CREATE TABLE held (
	seq INTEGER PRIMARY KEY,
	run INTEGER NOT NULL,
	run_first INTEGER NOT NULL,
	tenant INTEGER NOT NULL,
	agent INTEGER NOT NULL,
	actor INTEGER NOT NULL,
	action INTEGER NOT NULL,
	action_key INTEGER NOT NULL,
	reason INTEGER NOT NULL,
	approval INTEGER NOT NULL,
	kind INTEGER NOT NULL,
	decision INTEGER NOT NULL,
	layer INTEGER NOT NULL,
	scope INTEGER NOT NULL,
	time INTEGER NOT NULL,
	bytes BLOB NOT NULL
) STRICT;
CREATE INDEX held_run_first ON held (run_first) WHERE run_first <> 0;

-- Runs whose first body was let go while others of it are still there: where body_run no longer leads.
CREATE TABLE run_cut (
	run INTEGER PRIMARY KEY,
	first INTEGER NOT NULL
) STRICT;

-- Complete tiles only: 256 hashes of 32 bytes, and the root over them.  Level 0 holds the leaf hashes, for ever.
CREATE TABLE tile (
	level INTEGER NOT NULL,
	idx INTEGER NOT NULL,
	root BLOB NOT NULL,
	hashes BLOB NOT NULL,
	PRIMARY KEY (level, idx)
) STRICT;

-- Signed notes.  kept = 0: the latest, until the next one takes its place.
CREATE TABLE checkpoint (
	size INTEGER PRIMARY KEY,
	note TEXT NOT NULL,
	kept INTEGER NOT NULL
) STRICT;

-- What witnesses said of kept checkpoints: their signature lines.  witness is a verifier key, time POSIX seconds.
CREATE TABLE cosignature (
	size INTEGER NOT NULL,
	witness TEXT NOT NULL,
	time INTEGER NOT NULL,
	line TEXT NOT NULL,
	PRIMARY KEY (witness, size)
) STRICT;
CREATE INDEX cosignature_size ON cosignature (size);

-- What opens the commitments of `shown`: the only values in clear.  The pad, a page of zeros, puts salt and value into
-- pages of their own, which are wiped when they go; gatekeeper/journal/store.c tells why.
CREATE TABLE opening (
	seq INTEGER NOT NULL,
	path TEXT NOT NULL,
	pad BLOB NOT NULL,
	salt BLOB NOT NULL,
	value TEXT NOT NULL,
	forget INTEGER NOT NULL,
	PRIMARY KEY (seq, path)
) STRICT;
CREATE INDEX opening_forget ON opening (forget) WHERE forget <> 0;

-- Which openings an operator let go, and by which event; written with the event, before they go.
CREATE TABLE redaction (
	seq INTEGER NOT NULL,
	path TEXT NOT NULL,
	event INTEGER NOT NULL,
	PRIMARY KEY (seq, path)
) STRICT;
CREATE INDEX redaction_event ON redaction (event);

-- The events that name a signing key, genesis and then key events: kept for ever, they tell which key is valid where.
CREATE TABLE signing_key (
	seq INTEGER PRIMARY KEY,
	bytes BLOB NOT NULL
) STRICT;

CREATE TABLE policy_blob (
	digest TEXT PRIMARY KEY,
	sha256 BLOB NOT NULL,
	text BLOB NOT NULL
) STRICT;

-- Ledger snapshots: rebuilt from events when they are lost or wrong.  Of a negative generation: the base, the state
-- at the minimum (its negative), from which everything is rebuilt; its digest stands in the retention event.
CREATE TABLE ledger_row (
	generation INTEGER NOT NULL,
	key TEXT NOT NULL,
	json TEXT NOT NULL,
	PRIMARY KEY (generation, key)
) STRICT;

CREATE TABLE meta (
	key TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT;

-- What the retention events that are committed allow.  bodies: those before this seq go; openings: those before
-- this seq may go; forget: those whose time was over by then.  Each only grows.
CREATE TABLE minimum (
	what TEXT PRIMARY KEY,
	bound INTEGER NOT NULL
) STRICT;
INSERT INTO minimum (what, bound) VALUES ('bodies', 0), ('forget', 0), ('openings', 0);

CREATE TRIGGER body_update BEFORE UPDATE ON body
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER body_delete BEFORE DELETE ON body
WHEN OLD.seq >= (SELECT bound FROM minimum WHERE what = 'bodies')
BEGIN SELECT RAISE(ABORT, 'an event is never removed'); END;
CREATE TRIGGER held_insert BEFORE INSERT ON held
WHEN NEW.seq >= (SELECT bound FROM minimum WHERE what = 'bodies')
BEGIN SELECT RAISE(ABORT, 'an event is held only below the minimum'); END;
CREATE TRIGGER held_update BEFORE UPDATE ON held
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER minimum_update BEFORE UPDATE ON minimum WHEN NEW.bound < OLD.bound OR NEW.what <> OLD.what
BEGIN SELECT RAISE(ABORT, 'the minimum only grows'); END;
CREATE TRIGGER minimum_insert BEFORE INSERT ON minimum
BEGIN SELECT RAISE(ABORT, 'the minimum only grows'); END;
CREATE TRIGGER minimum_delete BEFORE DELETE ON minimum
BEGIN SELECT RAISE(ABORT, 'the minimum only grows'); END;
CREATE TRIGGER signing_key_update BEFORE UPDATE ON signing_key
BEGIN SELECT RAISE(ABORT, 'a signing key is never changed'); END;
CREATE TRIGGER signing_key_delete BEFORE DELETE ON signing_key
BEGIN SELECT RAISE(ABORT, 'a signing key is never removed'); END;
CREATE TRIGGER tile_update BEFORE UPDATE ON tile
BEGIN SELECT RAISE(ABORT, 'a tile is never changed'); END;
CREATE TRIGGER tile_delete BEFORE DELETE ON tile
BEGIN SELECT RAISE(ABORT, 'a tile is never removed'); END;
CREATE TRIGGER checkpoint_update BEFORE UPDATE ON checkpoint
WHEN OLD.kept <> 0 OR NEW.kept <> 1 OR NEW.size <> OLD.size OR NEW.note <> OLD.note
BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END;
CREATE TRIGGER checkpoint_delete BEFORE DELETE ON checkpoint WHEN OLD.kept <> 0
BEGIN SELECT RAISE(ABORT, 'a kept checkpoint is never removed'); END;
CREATE TRIGGER cosignature_update BEFORE UPDATE ON cosignature
BEGIN SELECT RAISE(ABORT, 'a cosignature is never changed'); END;
CREATE TRIGGER cosignature_delete BEFORE DELETE ON cosignature
BEGIN SELECT RAISE(ABORT, 'a cosignature is never removed'); END;
CREATE TRIGGER opening_delete BEFORE DELETE ON opening
WHEN NOT EXISTS (SELECT 1 FROM redaction WHERE seq = OLD.seq AND path = OLD.path)
	AND OLD.seq >= (SELECT max(bound) FROM minimum WHERE what IN ('bodies', 'openings'))
	AND (OLD.forget = 0 OR OLD.forget > (SELECT bound FROM minimum WHERE what = 'forget'))
BEGIN SELECT RAISE(ABORT, 'an opening is removed only by a redaction or a retention that is in the log'); END;
CREATE TRIGGER redaction_update BEFORE UPDATE ON redaction
BEGIN SELECT RAISE(ABORT, 'a redaction is never changed'); END;
CREATE TRIGGER redaction_delete BEFORE DELETE ON redaction
WHEN OLD.seq >= (SELECT bound FROM minimum WHERE what = 'bodies')
BEGIN SELECT RAISE(ABORT, 'a redaction is never removed'); END;
CREATE TRIGGER opening_update BEFORE UPDATE ON opening
BEGIN SELECT RAISE(ABORT, 'an opening is never changed'); END;
CREATE TRIGGER policy_blob_update BEFORE UPDATE ON policy_blob
BEGIN SELECT RAISE(ABORT, 'a policy text is never changed'); END;
CREATE TRIGGER policy_blob_delete BEFORE DELETE ON policy_blob
BEGIN SELECT RAISE(ABORT, 'a policy text is never removed'); END;
