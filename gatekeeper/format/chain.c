/* The sessions of an AAT stream: one chain of records per run, the least used gives way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "format/format_internal.h"

enum { CHAINS_MAX = 4096, UUID_BYTES = 16 };

struct chains {
	struct gk_map map;
	struct chain *newest, *oldest;
};

enum gk_rc
chains_new(struct chains **ret_chains, struct gk_err *err)
{
	*ret_chains = calloc(1, sizeof(**ret_chains));
	return *ret_chains != NULL
		   ? GK_OK
		   : GK_FAIL(err, GK_E_NOMEM, "no memory for chains");
}

static void
unlink_chain(struct chains *chains, struct chain *chain)
{
	*(chain->newer != NULL ? &chain->newer->older : &chains->newest) =
	    chain->older;
	*(chain->older != NULL ? &chain->older->newer : &chains->oldest) =
	    chain->newer;
	chain->newer = NULL;
	chain->older = NULL;
}

static void
link_newest(struct chains *chains, struct chain *chain)
{
	chain->older = chains->newest;
	*(chains->newest != NULL ? &chains->newest->newer : &chains->oldest) =
	    chain;
	chains->newest = chain;
}

void
chains_drop(struct chains *chains, struct chain *chain)
{
	unlink_chain(chains, chain);
	(void)gk_map_remove(&chains->map, chain->key, chain->key_n);
	free(chain);
}

void
chains_free(struct chains *chains)
{
	if (chains != NULL) {
		while (chains->newest != NULL) {
			chains_drop(chains, chains->newest);
		}
		gk_map_done(&chains->map);
		free(chains);
	}
}

/* Tenant, run and agent, each with its end; nothing: gatekeeper's own. */
static enum gk_rc
print_key(const struct event *event, struct gk_buf *buf, struct gk_err *err)
{
	const char *parts[] = {
	    event->tenant_id, event->run_id, event->agent_id};

	if (event->run_id == NULL || event->agent_id == NULL) {
		return gk_buf_putc(buf, '\0', err);
	}
	for (size_t i = 0; i < GK_COUNT(parts); i++) {
		const char *part = parts[i] != NULL ? parts[i] : "";

		GK_TRY(gk_buf_add(buf, part, strlen(part) + 1, err));
	}
	return GK_OK;
}

static enum gk_rc
begin(struct chains *chains, const char *origin, uint64_t seq,
    const struct gk_buf *key, struct chain **ret_chain, struct gk_err *err)
{
	struct chain *chain = calloc(1, sizeof(*chain) + key->len);
	enum gk_rc rc;

	if (chain == NULL) {
		return GK_FAIL(err, GK_E_NOMEM, "no memory for a chain");
	}
	memcpy(chain->key, key->bytes, key->len);
	chain->key_n = key->len;
	chain_uuid("session", origin, seq, chain->session_id);
	digest_running_init(&chain->sum);
	rc = gk_map_set(&chains->map, chain->key, chain->key_n, chain, err);
	if (rc != GK_OK) {
		free(chain);
		return rc;
	}
	link_newest(chains, chain);
	if (chains->map.count > CHAINS_MAX) {
		chains_drop(chains, chains->oldest);
	}
	*ret_chain = chain;
	return GK_OK;
}

enum gk_rc
chains_find(struct chains *chains, const char *origin,
    const struct event *event, struct chain **ret_chain, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf key = GK_BUF_INIT(EVENT_BYTES_MAX);
	struct chain *chain;

	GK_TRY(print_key(event, &key, err));
	chain = gk_map_get(&chains->map, key.bytes, key.len);
	if (chain == NULL) {
		return begin(chains, origin, event->seq, &key, ret_chain, err);
	}
	unlink_chain(chains, chain);
	link_newest(chains, chain);
	*ret_chain = chain;
	return GK_OK;
}

void
chain_uuid(const char *what, const char *origin, uint64_t seq,
    char ret[CHAIN_UUID_BYTES])
{
	static const char label[] = "gatekeeper/aat/v1"; /* and its '\0' */
	char number[24], hex[DIGEST_HEX];
	const struct digest_part parts[] = {{label, sizeof(label)},
	    {what, strlen(what) + 1}, {origin, strlen(origin) + 1},
	    {number, (size_t)snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)seq)}};
	struct digest hash;

	digest_sha256(parts, GK_COUNT(parts), &hash);
	hash.bytes[6] = (uint8_t)((hash.bytes[6] & 0x0fu) | 0x40u);
	hash.bytes[8] = (uint8_t)((hash.bytes[8] & 0x3fu) | 0x80u);
	(void)digest_hex(hash.bytes, UUID_BYTES, hex);
	(void)snprintf(ret, CHAIN_UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
	    hex + 8, hex + 12, hex + 16, hex + 20);
}

void
chain_add(struct chain *chain, const char *id, const char *record, size_t n)
{
	const struct digest_part part = {record, n};

	if (chain->records > 0) { /* the genesis has no prev_hash */
		digest_running_add(
		    &chain->sum, chain->last.bytes, sizeof(chain->last.bytes));
	}
	digest_sha256(&part, 1, &chain->last);
	(void)snprintf(chain->last_id, sizeof(chain->last_id), "%s", id);
	chain->records++;
}
