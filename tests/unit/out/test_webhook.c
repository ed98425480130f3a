/* Signatures of webhooks: the published vector, and secrets that are none. */
#include <criterion/criterion.h>

#include "base/attr.h"
#include "out/notify_internal.h"

static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char body[] = "{\"test\": 2432232314}";
static const char signature[] =
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

static enum gk_rc
sign(const char *with, struct gk_buf *buf)
{
	return webhook__sign(
	    with, id, "1614265330", body, strlen(body), buf, NULL);
}

Test(webhook, the_vector_of_the_reference_libraries_is_signed_as_they_do)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);

	cr_assert(sign(secret, &buf) == GK_OK);
	cr_assert_str_eq(gk_buf_text(&buf), signature);
}

Test(webhook, a_second_secret_adds_a_signature_behind_a_blank)
{
	GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);
	size_t n = strlen(signature);

	cr_assert(sign(secret, &buf) == GK_OK);
	cr_assert(
	    sign("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", &buf) == GK_OK);
	cr_assert_eq(buf.len, 2 * n + 1);
	cr_assert_eq(memcmp(buf.bytes, signature, n), 0);
	cr_assert_eq(memcmp(buf.bytes + n, " v1,", 4), 0);
	cr_assert_neq(memcmp(buf.bytes + n + 1, signature, n), 0);
}

Test(webhook, what_is_no_secret_signs_nothing)
{
	static const char *const bad[] = {"", "whsec_", "whsec",
	    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",      /* no prefix */
	    "whsec_AAECAwQFBgcICQoLDA0O",            /* 15 bytes */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", /* cut */
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
	    "whsec_MfKQ9r8GKYqr TwjUPD8ILPZIo2LaLaSw"};

	for (size_t i = 0; i < GK_COUNT(bad); i++) {
		GK_AUTO(gk_buf_done) struct gk_buf buf = GK_BUF_INIT(1000);

		cr_assert(sign(bad[i], &buf) == GK_E_INVALID, "%s", bad[i]);
		cr_assert_eq(buf.len, 0);
	}
}
