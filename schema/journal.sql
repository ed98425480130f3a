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
CREATE INDEX body_snapshot ON body (kind) WHERE kind = 13;

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

-- What opens the commitments of `shown`: the only values in clear.
CREATE TABLE opening (
	seq INTEGER NOT NULL,
	path TEXT NOT NULL,
	salt BLOB NOT NULL,
	value TEXT NOT NULL,
	forget INTEGER NOT NULL,
	PRIMARY KEY (seq, path)
) STRICT;

CREATE TABLE policy_blob (
	digest TEXT PRIMARY KEY,
	sha256 BLOB NOT NULL,
	text BLOB NOT NULL
) STRICT;

-- Ledger snapshots: rebuilt from events when they are lost or wrong.
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

CREATE TRIGGER body_update BEFORE UPDATE ON body
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER body_delete BEFORE DELETE ON body
BEGIN SELECT RAISE(ABORT, 'an event is never removed'); END;
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
CREATE TRIGGER opening_update BEFORE UPDATE ON opening
BEGIN SELECT RAISE(ABORT, 'an opening is never changed'); END;
CREATE TRIGGER policy_blob_update BEFORE UPDATE ON policy_blob
BEGIN SELECT RAISE(ABORT, 'a policy text is never changed'); END;
CREATE TRIGGER policy_blob_delete BEFORE DELETE ON policy_blob
BEGIN SELECT RAISE(ABORT, 'a policy text is never removed'); END;
