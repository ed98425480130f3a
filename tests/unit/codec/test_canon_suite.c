/* The test data of RFC 8785's authors: six documents, ten thousand numbers. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "codec/canon.h"
#include "conformance.h"

Test(canon_suite, every_document_of_the_authors_comes_out_as_theirs)
{
	static const char *const names[] = {
	    "arrays", "french", "structures", "unicode", "values", "weird"};
	char dir[CONFORMANCE_PATH_BYTES];

	if (!conformance_path("jcs/testdata", dir)) {
		return;
	}
	for (size_t i = 0; i < GK_COUNT(names); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf input = GK_BUF_INIT(1 << 16);
		GK_AUTO(gk_buf_done)
		struct gk_buf output = GK_BUF_INIT(1 << 16);
		GK_AUTO(gk_buf_done) struct gk_buf got = GK_BUF_INIT(1 << 16);
		GK_AUTO(json_freep) struct json_value *value = NULL;
		char path[CONFORMANCE_PATH_BYTES + 64];
		struct gk_err err = {0};

		(void)snprintf(
		    path, sizeof(path), "%s/input/%s.json", dir, names[i]);
		conformance_read(path, &input);
		(void)snprintf(
		    path, sizeof(path), "%s/output/%s.json", dir, names[i]);
		conformance_read(path, &output);
		cr_assert(json_parse(input.bytes, input.len,
			      &json_limits_request, &value, &err) == GK_OK,
		    "%s: %s", names[i], err.text);
		cr_assert(canon_print(value, &got, &err) == GK_OK);
		cr_assert(got.len == output.len &&
			      memcmp(got.bytes, output.bytes, got.len) == 0,
		    "%s gives %s", names[i], got.bytes);
	}
}

/* Each line: the bits of a double in hexadecimal, a comma, its text. */
Test(canon_suite, ten_thousand_numbers_print_as_ecmascript_prints_them)
{
	char path[CONFORMANCE_PATH_BYTES], text[128];
	int count = 0;
	FILE *f;

	if (!conformance_path("jcs/es6testfile10k.txt", path)) {
		return;
	}
	f = fopen(path, "rbe");
	cr_assert(f != NULL);
	while (fgets(text, sizeof(text), f) != NULL) {
		char got[CANON_NUMBER_BYTES], expected[64];
		uint64_t bits;
		double number;

		cr_assert(
		    sscanf(text, "%" SCNx64 ",%63s", &bits, expected) == 2);
		memcpy(&number, &bits, sizeof(number));
		(void)canon_number(number, got);
		cr_assert(
		    strcmp(got, expected) == 0, "%" PRIx64 ": %s", bits, got);
		count++;
	}
	(void)fclose(f);
	cr_assert(count == 10000);
}
