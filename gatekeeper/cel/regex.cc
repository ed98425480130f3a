/* RE2 behind a C face: it is the one regular expression library whose time is linear in the text. */

#include "cel/regex.h"

#include <re2/re2.h>

#include <cstdio>
#include <new>

struct cel_regex {
	cel_regex(re2::StringPiece pattern, const RE2::Options &options)
	    : re(pattern, options)
	{
	}
	RE2 re;
};

extern "C" struct cel_regex *
cel_regex_new(const char *pattern, size_t n, size_t cap_bytes, char *ret_text,
    size_t room)
{
	RE2::Options options(RE2::Quiet);

	options.set_max_mem(static_cast<int64_t>(cap_bytes));
	cel_regex *regex =
	    new (std::nothrow) cel_regex(re2::StringPiece(pattern, n), options);
	ret_text[0] = '\0';
	if (regex == nullptr || !regex->re.ok()) {
		const char *why =
		    regex == nullptr ? "no memory" : regex->re.error().c_str();

		(void)std::snprintf(ret_text, room, "%s", why);
		delete regex;
		return nullptr;
	}
	return regex;
}

extern "C" void
cel_regex_free(struct cel_regex *regex)
{
	delete regex;
}

extern "C" bool
cel_regex_match(const struct cel_regex *regex, const char *text, size_t n)
{
	return RE2::PartialMatch(re2::StringPiece(text, n), regex->re);
}
