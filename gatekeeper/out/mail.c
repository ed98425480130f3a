/* Mail by SMTP through libcurl, under TLS or not at all. */
#include <curl/curl.h>
#include <string.h>

#include "out/out_internal.h"

enum { ADDRESS_BYTES = 256, ANSWER_CAP = 64 << 10, URL_BYTES_MAX = 300 };

#define RESPONSE_S 60L /* to one command */

bool
out_mail_address_ok(const char *address)
{
	static const char local[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.!#$%&'*+/=?^_`{|}~-";
	static const char domain[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t n = strspn(address, local), m;

	if (n == 0 || n > 64 || address[n] != '@' || address[0] == '-') {
		return false;
	}
	m = strspn(address + n + 1, domain);
	return m > 0 && n + 1 + m < 255 && address[n + 1 + m] == '\0' &&
	       address[n + 1] != '.' && address[n + 1] != '-';
}

/* What is left to be uploaded. */
struct upload {
	const char *at;
	size_t left;
};

static size_t
give_bytes(char *to, size_t size, size_t count, void *ctx)
{
	struct upload *upload = ctx;
	size_t n = size * count < upload->left ? size * count : upload->left;

	memcpy(to, upload->at, n);
	upload->at += n;
	upload->left -= n;
	return n;
}

static enum gk_rc
check_mail(const struct out_mail *mail, struct gk_err *err)
{
	bool fine = out_mail_address_ok(mail->from) && mail->to_count > 0 &&
		    mail->to_count <= OUT_MAIL_TO_MAX;

	for (size_t i = 0; fine && i < mail->to_count; i++) {
		fine = out_mail_address_ok(mail->to[i]);
	}
	if (!fine) {
		return GK_FAIL(err, GK_E_INVALID, "that is no mail address");
	}
	if (strlen(mail->url) > URL_BYTES_MAX ||
	    (strncmp(mail->url, "smtp://", 7) != 0 &&
		strncmp(mail->url, "smtps://", 8) != 0)) {
		return GK_FAIL(err, GK_E_INVALID,
		    "%.128s: expected smtps:// or smtp://", mail->url);
	}
	return GK_OK;
}

/* "<address>", as SMTP wants it. */
static void
bracket(const char *address, char ret[ADDRESS_BYTES + 2])
{
	size_t n = strlen(address);

	ret[0] = '<';
	memcpy(ret + 1, address, n);
	ret[n + 1] = '>';
	ret[n + 2] = '\0';
}

static enum gk_rc
list_receivers(
    const struct out_mail *mail, struct curl_slist **list, struct gk_err *err)
{
	for (size_t i = 0; i < mail->to_count; i++) {
		char text[ADDRESS_BYTES + 2];
		struct curl_slist *longer;

		bracket(mail->to[i], text);
		longer = curl_slist_append(*list, text);
		if (longer == NULL) {
			return GK_FAIL(err, GK_E_NOMEM, "out of memory");
		}
		*list = longer;
	}
	return GK_OK;
}

static bool
set_mail(struct out *out, const struct out_mail *mail, struct curl_slist *to,
    struct upload *upload)
{
	CURL *curl = out->curl;
	char from[ADDRESS_BYTES + 2];
	bool ok = curl_easy_setopt(curl, CURLOPT_URL, mail->url) == CURLE_OK;

	bracket(mail->from, from);
	SET(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	/*
	 * A server that falls silent in the middle is waited for once more when
	 * all the time is over, and libcurl would go on in its connection.
	 */
	SET(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, RESPONSE_S);
	SET(curl, CURLOPT_FRESH_CONNECT, 1L);
	SET(curl, CURLOPT_FORBID_REUSE, 1L);
	SET(curl, CURLOPT_UPLOAD, 1L);
	SET(curl, CURLOPT_READFUNCTION, give_bytes);
	SET(curl, CURLOPT_READDATA, upload);
	SET(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->text_n);
	ok = ok &&
	     curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from) == CURLE_OK &&
	     curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to) == CURLE_OK;
	if (mail->username != NULL) {
		ok = ok &&
		     curl_easy_setopt(curl, CURLOPT_USERNAME, mail->username) ==
			 CURLE_OK &&
		     curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password) ==
			 CURLE_OK;
	}
	if (out->ca_file != NULL) {
		ok = ok && curl_easy_setopt(
			       curl, CURLOPT_CAINFO, out->ca_file) == CURLE_OK;
	}
	return ok;
}

enum gk_rc
out_mail(struct out *out, const struct out_mail *mail, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf answer = GK_BUF_INIT(ANSWER_CAP);
	GK_AUTO(out__slist_freep) struct curl_slist *to = NULL;
	struct upload upload = {mail->text, mail->text_n};
	char story[CURL_ERROR_SIZE] = "";
	CURLcode code;

	GK_TRY(check_mail(mail, err));
	GK_TRY(list_receivers(mail, &to, err));
	out__begin(out, &answer, err);
	out__rules(out, "smtp,smtps");
	SET(out->curl, CURLOPT_ERRORBUFFER, story);
	if (!set_mail(out, mail, to, &upload)) {
		return GK_FAIL(err, GK_E_NOMEM, "out of memory");
	}
	code = curl_easy_perform(out->curl);
	SET(out->curl, CURLOPT_ERRORBUFFER, NULL);
	SET(out->curl, CURLOPT_MAIL_RCPT, NULL);
	return code == CURLE_OK ? GK_OK
				: out__fail(out, code, mail->url, story, err);
}
