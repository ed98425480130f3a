#ifndef GK_OUT_NOTICE_H
#define GK_OUT_NOTICE_H
/* An event as notifications see it: its fields by name, its alert, the line that tells it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* What operators should be told without asking for it. */
enum alert {
	ALERT_NONE = 0,
	ALERT_APPROVAL,   /* somebody has to decide */
	ALERT_ESCALATION, /* nobody did: others are asked, too */
	ALERT_FLOOD,      /* an agent asks people too often */
	ALERT_VIOLATION,
	ALERT_UNREPORTED,
	ALERT_KILL_SWITCH,
	ALERT_POLICY_CHANGE,
	ALERT_BUDGET, /* 80 % of one is spent or reserved */
	ALERT_WITNESS,
	ALERT_SPACE,
	ALERT_CLOCK,
	ALERT_COUNT,
};
extern const char *const alert_words[ALERT_COUNT]; /* "" at 0 */

#define NOTICE_BUDGET_PERCENT 80

enum notice_field {
#define NOTICE_TEXT(id, ...)  NOTICE_##id,
#define NOTICE_INT(id, ...)   NOTICE_##id,
#define NOTICE_TEXTS(id, ...) NOTICE_##id,
#define NOTICE_OWN(id, ...)   NOTICE_##id,
#include "out/notice.def"
#undef NOTICE_TEXT
#undef NOTICE_INT
#undef NOTICE_TEXTS
#undef NOTICE_OWN
	NOTICE_FIELD_COUNT,
};
extern const char *const notice_names[NOTICE_FIELD_COUNT];

/* Borrows the event's canonical bytes, with or without leaf_hash and opened. */
struct notice {
	const char *row;
	size_t n;
};

enum alert notice_alert(const struct notice *notice);

/* Append a field's text as it is, a list joined by ", "; nothing where the event has none. */
enum gk_rc notice_print(const struct notice *notice, enum notice_field field,
    struct gk_buf *buf, struct gk_err *err) GK_MUST_USE;
bool notice_has(const struct notice *notice, enum notice_field field);

/*
 * Append the line that people read where no template says otherwise:
 * "support-agent: decision=approval_required, reason=refund_over_50, tenant=t_42, run_id=run_981".
 */
enum gk_rc notice_print_line(const struct notice *notice, struct gk_buf *buf,
    struct gk_err *err) GK_MUST_USE;

#endif
