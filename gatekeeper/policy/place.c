/* A place in a document as a JSON Pointer (RFC 6901), cut to its end where it is long. */
#include <stdio.h>
#include <string.h>

#include "policy/schema_node.h"

enum { POINTER_BYTES = 101, TOKEN_BYTES = 48, NAME_BYTES = 32 };

static const char cut[] = "\xe2\x80\xa6"; /* … */

/* "/name" or "/3"; a long name is cut between two characters. */
static size_t
print_token(const struct place *at, char ret_token[TOKEN_BYTES])
{
	size_t n = 0;

	if (at->name == NULL) {
		return (size_t)snprintf(
		    ret_token, TOKEN_BYTES, "/%zu", at->index);
	}
	ret_token[n++] = '/';
	for (const char *c = at->name; *c != '\0'; c++) {
		bool begins = ((unsigned char)*c & 0xc0) != 0x80;

		if (begins && n > NAME_BYTES) {
			memcpy(ret_token + n, cut, sizeof(cut) - 1);
			return n + sizeof(cut) - 1;
		}
		if (*c == '~' || *c == '/') {
			ret_token[n++] = '~';
			ret_token[n++] = *c == '~' ? '0' : '1';
		} else {
			ret_token[n++] = *c;
		}
	}
	return n;
}

enum gk_rc
place_mark(const struct place *at, enum gk_rc rc, struct gk_err *err)
{
	char pointer[POINTER_BYTES], token[TOKEN_BYTES];
	size_t from = sizeof(pointer) - 1;

	pointer[from] = '\0';
	for (; at->up != NULL; at = at->up) {
		size_t n = print_token(at, token);

		if (n + sizeof(cut) > from) {
			from -= sizeof(cut) - 1;
			memcpy(pointer + from, cut, sizeof(cut) - 1);
			break;
		}
		from -= n;
		memcpy(pointer + from, token, n);
	}
	gk_err_where(err, "%s", pointer + from);
	return rc;
}
