#ifndef GK_OUT_NOTICE_INTERNAL_H
#define GK_OUT_NOTICE_INTERNAL_H
/* What conditions and templates share about an event's fields. */

#include "model/entry.h"
#include "out/notice.h"

/* A row is the event's bytes with its opened values. */
#define EVENT_ROW_MAX (1u << 20)

enum notice_is { NOTICE_IS_TEXT, NOTICE_IS_INT, NOTICE_IS_TEXTS };

struct notice_type {
	enum notice_is is;
	const char *outer; /* the member; NULL: it isn't one */
	const char *inner; /* the member's member; NULL: itself */
};
extern const struct notice_type notice__types[NOTICE_FIELD_COUNT];

/* The raw JSON of a field that is a member; at NULL: absent. */
struct entry_text notice__raw(
    const struct notice *notice, enum notice_field field);

/* Call each with the array of groups of every rule that asks for approval. */
enum gk_rc notice__each_groups(const struct notice *notice,
    enum gk_rc (*each)(
	void *ctx, const struct entry_text *groups, struct gk_err *err),
    void *ctx, struct gk_err *err) GK_MUST_USE;

#endif
