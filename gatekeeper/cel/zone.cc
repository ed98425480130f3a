/* Named time zones by Abseil; only names of files that exist are handed to it, for it remembers every name. */

#include "cel/zone.h"

#include <absl/time/time.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace {

constexpr char kFolder[] = "/usr/share/zoneinfo/";

// "Area/City": no part may be empty or begin with a dot.
bool
IsName(const char *name, size_t n)
{
	bool begins = true;

	if (n == 0 || n > 64) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char c = name[i];
		const bool letter = (c >= 'A' && c <= 'Z') ||
				    (c >= 'a' && c <= 'z') ||
				    (c >= '0' && c <= '9');

		if (c == '/' ? begins
			     : !letter && (begins || std::strchr("_+-", c) ==
							 nullptr)) {
			return false;
		}
		begins = c == '/';
	}
	return !begins;
}

} // namespace

extern "C" bool
cel_zone_offset(
    const char *name, size_t n, int64_t seconds, int32_t *ret_offset)
{
	absl::TimeZone zone;

	if (!IsName(name, n)) {
		return false;
	}
	const std::string text(name, n);
	if (text == "UTC") {
		*ret_offset = 0;
		return true;
	}
	if (access((kFolder + text).c_str(), R_OK) != 0 ||
	    !absl::LoadTimeZone(text, &zone)) {
		return false;
	}
	*ret_offset = zone.At(absl::FromUnixSeconds(seconds)).offset;
	return true;
}
