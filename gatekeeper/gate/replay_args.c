/* Arguments put together again from what was shown of them. */
#include "gate/replay_args.h"

#include <string.h>

/* "/a/b": put the value where the pointer leads, making objects on the way. */
static enum gk_rc
put_at(struct json_value *object, const char *path, struct json_value **value,
    struct gk_err *err)
{
	char name[264];
	const char *end;
	size_t n = 0;

	if (*path != '/') {
		return GK_OK;
	}
	end = strchr(path + 1, '/');
	for (const char *at = path + 1; *at != '\0' && at != end; at++) {
		if (n >= sizeof(name) - 1) {
			return GK_OK;
		}
		if (*at == '~' && (at[1] == '0' || at[1] == '1')) {
			name[n++] = at[1] == '0' ? '~' : '/';
			at++;
		} else {
			name[n++] = *at;
		}
	}
	name[n] = '\0';
	if (end == NULL) {
		return json_get(object, name) != NULL
			   ? GK_OK
			   : json_set(object, name, value, err);
	}
	/* inside an array or a deeper object the rest isn't known: left out */
	return GK_OK;
}

enum gk_rc
replay_put_opening(void *ctx, const struct opening *opening, struct gk_err *err)
{
	static const struct json_limits limits = {
	    .bytes = 1 << 20, .depth = 64, .values = 10000};
	struct opened *opened = ctx;
	struct json_value *value = NULL;
	enum gk_rc rc;

	if (json_parse(opening->value, strlen(opening->value), &limits, &value,
		err) != GK_OK) {
		return GK_OK;
	}
	rc = put_at(opened->args, opening->path, &value, err);
	json_free(value);
	return rc;
}
