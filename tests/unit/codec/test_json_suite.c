/* JSONTestSuite (nst): every file's fate is decided, what the suite leaves open is frozen. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>

#include "codec/canon.h"
#include "codec/json.h"
#include "conformance.h"

/* The suite nests 500 deep in what it leaves open. */
static const struct json_limits suite_limits = {1 << 20, JSON_DEPTH_MAX, 10000};

static bool
accepts(const char *path, struct json_value **ret_value)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 20);
	struct gk_err err;

	conformance_read(path, &buf);
	return json_parse(gk_buf_text(&buf), buf.len, &suite_limits, ret_value,
		   &err) == GK_OK;
}

/* RFC 8259 allows these, I-JSON (RFC 7493) or this reader doesn't. */
static const struct {
	const char *file;
	const char *reason;
} forbidden[] = {
    {"y_object_duplicated_key.json", "RFC 7493, 2.3: duplicate members"},
    {"y_object_duplicated_key_and_value.json",
	"RFC 7493, 2.3: duplicate members"},
    {"y_object_escaped_null_in_key.json", "U+0000 would end a C string"},
    {"y_string_null_escape.json", "U+0000 would end a C string"},
    {"y_string_escaped_noncharacter.json", "RFC 7493, 2.1: U+FFFF"},
    {"y_string_last_surrogates_1_and_2.json", "RFC 7493, 2.1: U+10FFFF"},
    {"y_string_nonCharacterInUTF-8_U+10FFFF.json", "RFC 7493, 2.1"},
    {"y_string_nonCharacterInUTF-8_U+FFFF.json", "RFC 7493, 2.1"},
    {"y_string_unicode_U+10FFFE_nonchar.json", "RFC 7493, 2.1"},
    {"y_string_unicode_U+1FFFE_nonchar.json", "RFC 7493, 2.1"},
    {"y_string_unicode_U+FDD0_nonchar.json", "RFC 7493, 2.1"},
    {"y_string_unicode_U+FFFE_nonchar.json", "RFC 7493, 2.1"},
};

static const char *
why_forbidden(const char *file)
{
	for (size_t i = 0; i < GK_COUNT(forbidden); i++) {
		if (strcmp(file, forbidden[i].file) == 0) {
			return forbidden[i].reason;
		}
	}
	return NULL;
}

/* Every file below test_parsing whose name begins with first; how many. */
static int
each_parsing(char first, bool (*expected)(const char *file))
{
	char dir[CONFORMANCE_PATH_BYTES];
	struct dirent *entry;
	int count = 0;
	DIR *d;

	if (!conformance_path("JSONTestSuite/test_parsing", dir)) {
		return -1;
	}
	d = opendir(dir);
	cr_assert(d != NULL);
	while ((entry = readdir(d)) != NULL) {
		char path[CONFORMANCE_PATH_BYTES + 256];
		struct json_value *value = NULL;
		bool accepted;

		if (entry->d_name[0] != first || entry->d_name[1] != '_') {
			continue;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		accepted = accepts(path, &value);
		json_freep(&value);
		cr_expect(accepted == expected(entry->d_name), "%s is %s",
		    entry->d_name, accepted ? "taken" : "refused");
		count++;
	}
	(void)closedir(d);
	return count;
}

static bool
never(const char *file)
{
	(void)file;
	return false;
}

static bool
unless_forbidden(const char *file)
{
	return why_forbidden(file) == NULL;
}

Test(json_suite, every_n_file_is_refused)
{
	int count = each_parsing('n', never);

	cr_assert(count == 188 || count == -1);
}

Test(json_suite, every_y_file_is_taken_that_i_json_allows)
{
	int count = each_parsing('y', unless_forbidden);

	cr_assert(count == 95 || count == -1);
}

/* Of what the suite leaves open, only these are taken. */
static bool
among_taken(const char *file)
{
	static const char *const taken[] = {
	    "i_number_double_huge_neg_exp.json", /* reads as 0 */
	    "i_number_real_underflow.json",      /* reads as 0 */
	    "i_structure_500_nested_arrays.json",
	};

	for (size_t i = 0; i < GK_COUNT(taken); i++) {
		if (strcmp(file, taken[i]) == 0) {
			return true;
		}
	}
	return false;
}

Test(json_suite, every_i_file_keeps_its_fate)
{
	int count = each_parsing('i', among_taken);

	cr_assert(count == 35 || count == -1);
}

/* Canonical text of each transformed file; NULL is refused. */
static const struct {
	const char *file;
	const char *canonical;
} transforms[] = {
    {"number_-9223372036854775808.json", NULL},
    {"number_-9223372036854775809.json", NULL},
    {"number_1.0.json", "[1]"},
    {"number_1.000000000000000005.json", "[1]"},
    {"number_1000000000000000.json", "[1000000000000000]"},
    {"number_10000000000000000999.json", NULL},
    {"number_1e-999.json", "[0]"},
    {"number_1e6.json", "[1000000]"},
    {"number_9223372036854775807.json", NULL},
    {"number_9223372036854775808.json", NULL},
    {"object_key_nfc_nfd.json", "{\"e\xcc\x81\":\"NFD\",\"\xc3\xa9\":\"NFC\"}"},
    {"object_key_nfd_nfc.json", "{\"e\xcc\x81\":\"NFD\",\"\xc3\xa9\":\"NFC\"}"},
    {"object_same_key_different_values.json", NULL},
    {"object_same_key_same_value.json", NULL},
    {"object_same_key_unclear_values.json", NULL},
    {"string_1_escaped_invalid_codepoint.json", NULL},
    {"string_1_invalid_codepoint.json", NULL},
    {"string_2_escaped_invalid_codepoints.json", NULL},
    {"string_2_invalid_codepoints.json", NULL},
    {"string_3_escaped_invalid_codepoints.json", NULL},
    {"string_3_invalid_codepoints.json", NULL},
    {"string_with_escaped_NULL.json", NULL},
};

static void
transforms_to(const char *path, const char *canonical)
{
	GK_AUTO(json_freep) struct json_value *value = NULL;
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1 << 16);
	struct gk_err err;

	if (!accepts(path, &value)) {
		cr_expect(canonical == NULL, "%s is refused", path);
		return;
	}
	cr_expect(canonical != NULL, "%s is taken", path);
	cr_assert(canon_print(value, &buf, &err) == GK_OK);
	cr_expect(
	    canonical != NULL && strcmp(gk_buf_text(&buf), canonical) == 0,
	    "%s gives %s", path, gk_buf_text(&buf));
}

Test(json_suite, every_transform_keeps_its_outcome)
{
	char dir[CONFORMANCE_PATH_BYTES];

	if (!conformance_path("JSONTestSuite/test_transform", dir)) {
		return;
	}
	for (size_t i = 0; i < GK_COUNT(transforms); i++) {
		char path[CONFORMANCE_PATH_BYTES + 256];

		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, transforms[i].file);
		transforms_to(path, transforms[i].canonical);
	}
}
