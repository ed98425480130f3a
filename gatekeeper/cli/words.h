#ifndef GK_CLI_WORDS_H
#define GK_CLI_WORDS_H
/* From flags to request bodies and times, and from answers to short texts. */

#include "base/time.h"
#include "cli/cli.h"
#include "codec/json.h"

/*
 * Add a member to an object: the value of a flag, all its values, nothing where
 * it isn't given.  Gives false when memory ran out or the text is no UTF-8.
 */
bool words_set(struct json_value *object, const char *name, const char *text);
bool words_set_flag(const struct cli *cli, const char *flag,
    struct json_value *object, const char *name);
bool words_set_flags(const struct cli *cli, const char *flag,
    struct json_value *object, const char *name);

/*
 * RFC 3339, or a duration: so long ago, or so long from now.  NULL stays NULL.
 * False: it is neither, and that has been told.
 */
enum words_when { WORDS_AGO, WORDS_AHEAD };
bool words_time(struct cli *cli, const char *flag, enum words_when when,
    char ret_text[GK_TIME_TEXT_BYTES], const char **ret);

/*
 * Looking into somebody's answer.  A NULL object has no members; a member that
 * is missing or of another type is NULL, 0 or false.
 */
const struct json_value *words_at(
    const struct json_value *object, const char *name);
const char *words_get(const struct json_value *object, const char *name);
int64_t words_int(const struct json_value *object, const char *name);
bool words_true(const struct json_value *object, const char *name);
/* The first element of an array or object; NULL for NULL. */
const struct json_value *words_first(const struct json_value *list);

/* The strings of an array, joined by ", "; "-" for none.  Into ret_text, cut to room. */
const char *words_join(
    const struct json_value *array, char *ret_text, size_t room);
/* "2026-11-23 08:14:00" of RFC 3339; the text itself when it is something else. */
const char *words_second(const char *time, char ret_text[32]);

#endif
