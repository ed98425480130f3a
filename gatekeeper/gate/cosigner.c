/* A witness behind the gate's words for how a call ended. */
#include <stdlib.h>
#include <string.h>

#include "gate/cosigner.h"
#include "journal/witness.h"

struct gate_cosigner {
	struct trust *logs;
	struct witness *witness;
};

/* The keys as the policy file that says the same. */
static enum gk_rc
logs_of_keys(const struct gate_cosigner_options *options, struct trust **ret,
    struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(TRUST_BYTES_MAX);

	for (size_t i = 0; i < options->vkey_count; i++) {
		if (strpbrk(options->vkeys[i], " \t\r\n") != NULL) {
			return GK_FAIL(
			    err, GK_E_INVALID, "a verifier key is one word");
		}
		GK_TRY(
		    gk_buf_printf(&text, err, "log %s\n", options->vkeys[i]));
	}
	GK_TRY(gk_buf_puts(&text, "quorum none\n", err));
	return trust_parse(text.bytes, text.len, ret, err);
}

static void
cosigner_closep(struct gate_cosigner **cosigner)
{
	gate_cosigner_close(*cosigner);
}

enum gk_rc
gate_cosigner_open(const struct gate_cosigner_options *options,
    struct gate_cosigner **ret, struct gk_err *err)
{
	GK_AUTO(cosigner_closep)
	struct gate_cosigner *cosigner = calloc(1, sizeof(*cosigner));
	struct witness_options witness = {
	    .dir = options->dir, .name = options->name};

	if (cosigner == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "a witness");
	}
	if (options->logs_file != NULL) {
		GK_TRY(trust_load(options->logs_file, &cosigner->logs, err));
	} else {
		GK_TRY(logs_of_keys(options, &cosigner->logs, err));
	}
	if (trust_log_count(cosigner->logs) == 0 && !options->key_only) {
		return GK_FAIL(
		    err, GK_E_INVALID, "a witness needs a log to watch");
	}
	witness.logs = cosigner->logs;
	GK_TRY(witness_open(&witness, &cosigner->witness, err));
	*ret = GK_TAKE(cosigner);
	return GK_OK;
}

void
gate_cosigner_close(struct gate_cosigner *cosigner)
{
	if (cosigner != NULL) {
		witness_close(cosigner->witness);
		trust_free(cosigner->logs);
		free(cosigner);
	}
}

const char *
gate_cosigner_vkey(const struct gate_cosigner *cosigner)
{
	return witness_vkey(cosigner->witness);
}

size_t
gate_cosigner_logs(const struct gate_cosigner *cosigner)
{
	return trust_log_count(cosigner->logs);
}

enum gate_outcome
gate_cosigner_add(struct gate_cosigner *cosigner, const char *bytes, size_t n,
    struct gk_buf *answer, struct gk_err *why)
{
	static const enum gate_outcome outcomes[] = {
	    [WITNESS_MALFORMED] = GATE_BAD_REQUEST,
	    [WITNESS_UNKNOWN_LOG] = GATE_NOT_FOUND,
	    [WITNESS_UNKNOWN_KEY] = GATE_FORBIDDEN,
	    [WITNESS_CONFLICT] = GATE_CONFLICT,
	    [WITNESS_UNPROVEN] = GATE_INVALID,
	    [WITNESS_COSIGNED] = GATE_OK,
	};
	enum witness_word word;

	if (witness_add(cosigner->witness, bytes, n, &word, answer, why) !=
	    GK_OK) {
		return GATE_FAILED;
	}
	return outcomes[word];
}
