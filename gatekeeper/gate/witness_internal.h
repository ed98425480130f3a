#ifndef GK_GATE_WITNESS_INTERNAL_H
#define GK_GATE_WITNESS_INTERNAL_H
/* The gate's witnesses: what each is known to have cosigned, and what is still to be written down. */

#include "gate/gate_internal.h"
#include "journal/cosign.h"
#include "journal/trust.h"

/* One witness that is asked.  One thread at a time asks. */
struct gate_witness {
	const struct trust_witness *trust;
	unsigned index; /* in the policy's witnesses */
	char vkey[NOTE_VKEY_BYTES];
	char *url;     /* …/add-checkpoint; owned */
	uint64_t size; /* it has cosigned, as far as is known */
	uint64_t done; /* the last size that it cosigned for this process */
	bool down;     /* the last time it didn't cosign, and this was told */
	bool parted;   /* an operator accepted that it knows another history */
	_Atomic uint64_t cosigned_size, cosigned_s, failures; /* for metrics */
};

/* A cosignature on its way to the commit thread. */
struct gate_cosigned {
	struct gate_cosigned *next;
	unsigned witness; /* in list */
	uint64_t size;
	int64_t time_s;
	struct gk_buf note, line;
};

struct gate_witnesses {
	struct gate *gate;
	struct trust *trust;
	struct gate_witness *list;
	size_t count;
	pthread_t thread;
	bool started;
	struct journal_reader *reader; /* the thread's own */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool ends;
	struct gate_cosigned *pending;

	/* who asks */
	uint64_t asked_size; /* of the last round */
	int64_t asked_us;    /* boot clock; 0: never */
	bool missed;         /* somebody didn't cosign in the last round */
	int64_t behind_us; /* since when something isn't witnessed; 0: all is */
	_Atomic uint64_t size; /* witnessed by a quorum */
	atomic_bool late;      /* something isn't witnessed for too long */

	/* the commit thread's own */
	bool told_late; /* as the last event says */
	int64_t late_since_us;
};

/* The head that a round is about. */
struct endorse_head {
	uint64_t size;
	struct gk_buf note; /* signed */
};

enum endorse {
	ENDORSE_FAILED = 0, /* unreachable, or it doesn't do its work */
	ENDORSE_COSIGNED,
	ENDORSE_ROLLBACK, /* it has seen more of this log than there is */
	ENDORSE_FORK,     /* it has seen another history of this log */
};

/*
 * endorse.c: ask one witness to cosign head, from wherever it stands.  What it gives is in
 * *ret_cosigned (the caller frees); why not, in why.  Waits for the network.
 * Errors: of our own journal, and GK_E_NOMEM.
 */
enum gk_rc endorse(struct gate *gate, struct journal_reader *reader,
    struct gate_witness *witness, const struct endorse_head *head,
    enum endorse *ret, struct gate_cosigned **ret_cosigned, struct gk_err *why,
    struct gk_err *err) GK_MUST_USE;
void endorse_free(struct gate_cosigned *cosigned);

#endif
