#ifndef GK_JOURNAL_SIGNER_H
#define GK_JOURNAL_SIGNER_H
/* The signer: keeps a log's signing key apart, and signs nothing that doesn't continue what it signed. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * It keeps, in a folder of its own: the signing key, the last head that it was told
 * is committed ("acked"), and at most one head that it has signed since
 * ("pending"), which is on stable storage before its signature leaves.  It is never
 * sent a root: it is sent the new leaf hashes, and computes the root itself behind
 * the peaks that it remembers.  So whatever it signs is an extension of acked.
 *
 * A gatekeeper that starts says which head its journal has committed.  Is it
 * pending, then that becomes acked; is it acked, then pending was never committed
 * and is dropped; is it anything else, the journal was rolled back or rewritten, and
 * nothing is signed until an operator of the signer says so (adopt).
 *
 * One thread.
 */
struct signer;

#define SIGNER_ADOPT_NONE UINT64_MAX

struct signer_options {
	const char *dir;
	const char *origin; /* for a new key; NULL: a unique one */
	uint64_t
	    adopt; /* the next hello with a head of that size is believed; or SIGNER_ADOPT_NONE */
	/* Something an operator should see; NULL: nobody looks. */
	void (*told)(void *ctx, const char *event, const char *text);
	void *ctx;
};

/*
 * Open the folder, made where there is none; the key is made only where there is no
 * state.  Errors: GK_E_BUSY (another one has it), GK_E_CORRUPT, GK_E_INVALID, GK_E_IO.
 */
enum gk_rc signer_open(const struct signer_options *options,
    struct signer **ret_signer, struct gk_err *err) GK_MUST_USE;
/* Writes down what is only remembered.  NULL is fine. */
void signer_close(struct signer *signer);

const char *signer_vkey(const struct signer *signer);

/*
 * Answer one request (signer_wire.h, without its length): append the answer's frame,
 * or nothing where none is due.  Errors: GK_E_IO: the state can't be written, the
 * process must end; GK_E_INVALID: the peer must be cut off.
 */
enum gk_rc signer_handle(struct signer *signer, const uint8_t *bytes, size_t n,
    struct gk_buf *answer, struct gk_err *err) GK_MUST_USE;
/* Is anything remembered that isn't written down?  Then _save soon. */
bool signer_is_dirty(const struct signer *signer);
enum gk_rc signer_save(struct signer *signer, struct gk_err *err) GK_MUST_USE;

/*
 * Listen on a Unix socket for peers of that uid, and serve the newest of them until
 * stop_fd is readable.  Errors: GK_E_IO, GK_E_BUSY: somebody listens there.
 */
enum gk_rc signer_serve(struct signer *signer, const char *socket_path,
    uid_t uid, int stop_fd, struct gk_err *err) GK_MUST_USE;

#endif
