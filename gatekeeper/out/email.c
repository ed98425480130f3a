/*
 * Mails: plain text, quoted-printable (RFC 2045), a subject that is one line
 * whatever an event says (RFC 2047 where it isn't ASCII).
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "codec/digest.h"
#include "out/notify_internal.h"
#include "out/out.h"

enum {
	SUBJECT_MAX = 200,   /* bytes of its text */
	WORD_BYTES = 45,     /* of text in an encoded word */
	LINE_MAX_CHARS = 72, /* of a quoted-printable line */
	HEADER_CAP = 64 << 10,
};

/* How many bytes of text, at most max, end between two characters. */
static size_t
cut(const char *text, size_t n, size_t max)
{
	if (n <= max) {
		return n;
	}
	for (n = max; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--) {
	}
	return n;
}

/* A header's value: ASCII as it is, else encoded words, one a line. */
enum gk_rc
email__add_words(
    const char *text, size_t n, struct gk_buf *buf, struct gk_err *err)
{
	bool ascii = true;

	for (size_t i = 0; i < n; i++) {
		ascii = ascii && text[i] >= ' ' && text[i] <= '~';
	}
	if (ascii) {
		return gk_buf_add(buf, text, n, err);
	}
	while (n > 0) {
		char word[DIGEST_B64_ROOM(WORD_BYTES)];
		size_t piece = cut(text, n, WORD_BYTES);

		piece = piece > 0 ? piece : 1; /* not UTF-8 */
		(void)digest_b64(text, piece, word);
		text += piece;
		n -= piece;
		GK_TRY(gk_buf_printf(
		    buf, err, "=?UTF-8?B?%s?=%s", word, n > 0 ? "\r\n " : ""));
	}
	return GK_OK;
}

/* Lines of at most 76 characters; "\n" ends a line, all else that isn't printable is "=XX". */
enum gk_rc
email__add_quoted(
    const char *text, size_t n, struct gk_buf *buf, struct gk_err *err)
{
	size_t column = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		bool last = i + 1 == n || text[i + 1] == '\n';

		if (c == '\n') {
			GK_TRY(gk_buf_puts(buf, "\r\n", err));
			column = 0;
			continue;
		}
		if (column >= LINE_MAX_CHARS) {
			GK_TRY(gk_buf_puts(buf, "=\r\n", err));
			column = 0;
		}
		if (c < ' ' || c > '~' || c == '=' || (c == ' ' && last)) {
			GK_TRY(gk_buf_printf(buf, err, "=%02X", c));
			column += 3;
		} else {
			GK_TRY(gk_buf_putc(buf, (char)c, err));
			column++;
		}
	}
	return gk_buf_puts(buf, "\r\n", err);
}

static enum gk_rc
print_subject(const struct courier *courier, const struct message *message,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done) struct gk_buf text = GK_BUF_INIT(HEADER_CAP);
	GK_AUTO(gk_buf_done) struct gk_buf line = GK_BUF_INIT(HEADER_CAP);

	if (courier->subject != NULL && message->notice.n > 0) {
		GK_TRY(template_print(courier->subject, &message->notice,
		    message->link, ESCAPE_HEADER, &text, err));
	} else if (message->notice.n > 0) {
		GK_TRY(notice_print_line(&message->notice, &text, err));
	} else {
		GK_TRY(gk_buf_puts(
		    &text, "gatekeeper: test of notifications", err));
	}
	/* the operator's own text is a line, too */
	GK_TRY(escape_add(ESCAPE_HEADER, gk_buf_text(&text),
	    cut(gk_buf_text(&text), text.len, SUBJECT_MAX), &line, err));
	return email__add_words(gk_buf_text(&line), line.len, buf, err);
}

static enum gk_rc
print_date(struct gk_buf *buf, struct gk_err *err)
{
	static const char *const days[] = {
	    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL) {
		return GK_FAIL(err, GK_E_IO, "no time");
	}
	return gk_buf_printf(buf, err,
	    "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday],
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
}

/* The log's name as a domain: what isn't a letter, a digit, '.' or '-' becomes '-'. */
static enum gk_rc
print_id(const struct courier *courier, const struct message *message,
    struct gk_buf *buf, struct gk_err *err)
{
	const char *origin = courier->options->origin;

	GK_TRY(gk_buf_printf(buf, err, "Message-ID: <%s@", message->id));
	for (; *origin != '\0'; origin++) {
		bool fine = (*origin >= 'a' && *origin <= 'z') ||
			    (*origin >= 'A' && *origin <= 'Z') ||
			    (*origin >= '0' && *origin <= '9') ||
			    *origin == '.';

		GK_TRY(gk_buf_putc(buf, fine ? *origin : '-', err));
	}
	return gk_buf_puts(buf, ">\r\n", err);
}

static enum gk_rc
print_header(const struct courier *courier, const struct message *message,
    struct gk_buf *buf, struct gk_err *err)
{
	const struct notify_target *target = courier->target;

	GK_TRY(gk_buf_printf(buf, err, "From: <%s>\r\n", target->from));
	for (size_t i = 0; i < target->to_count; i++) {
		GK_TRY(gk_buf_printf(buf, err, "%s<%s>",
		    i == 0 ? "To: " : ",\r\n ", target->to[i]));
	}
	GK_TRY(gk_buf_puts(buf, "\r\nSubject: ", err));
	GK_TRY(print_subject(courier, message, buf, err));
	GK_TRY(gk_buf_puts(buf, "\r\n", err));
	GK_TRY(print_date(buf, err));
	GK_TRY(print_id(courier, message, buf, err));
	return gk_buf_puts(buf,
	    "Auto-Submitted: auto-generated\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	    err);
}

static enum gk_rc
print_mail(const struct courier *courier, const struct message *message,
    struct gk_buf *buf, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT(NOTIFY_MESSAGE_CAP);
	bool cut_off;

	GK_TRY(notify__print_text(courier, message, ESCAPE_PLAIN, &text, err));
	GK_TRY(gk_buf_putc(&text, '\n', err));
	GK_TRY(notify__print_shown(
	    courier, message, ESCAPE_PLAIN, "", &cut_off, &text, err));
	if (message->link[0] != '\0' && courier->text == NULL) {
		GK_TRY(gk_buf_printf(&text, err, "\n%s\n", message->link));
	}
	GK_TRY(print_header(courier, message, buf, err));
	return email__add_quoted(gk_buf_text(&text), text.len, buf, err);
}

enum gk_rc
email__send(struct courier *courier, const struct message *message,
    int64_t *ret_wait_us, struct gk_err *err)
{
	GK_AUTO(gk_buf_done)
	struct gk_buf text = GK_BUF_INIT((size_t)4 * NOTIFY_MESSAGE_CAP);
	const struct notify_target *target = courier->target;
	char url[NOTIFY_SECRET_BYTES], password[NOTIFY_SECRET_BYTES];
	struct out_mail mail = {.url = url,
	    .username = target->username,
	    .password = password,
	    .from = target->from,
	    .to = target->to,
	    .to_count = target->to_count};
	enum gk_rc rc;

	*ret_wait_us = 0;
	password[0] = '\0';
	GK_TRY(notify__url(target, url, err));
	if (target->password_file != NULL) {
		GK_TRY(notify__read_line(target->password_file, password, err));
	}
	GK_TRY(print_mail(courier, message, &text, err));
	mail.text = gk_buf_text(&text);
	mail.text_n = text.len;
	rc = out_mail(courier->out, &mail, err);
	digest_wipe(password, sizeof(password));
	return rc;
}
