/* Values: made, named. */

#include "cel/cel_internal.h"

#include <string.h>

struct cel_value
cel_null(void)
{
	return (struct cel_value){.kind = CEL_NULL};
}

struct cel_value
cel_bool(bool b)
{
	return (struct cel_value){.kind = CEL_BOOL, .as.boolean = b};
}

struct cel_value
cel_int(int64_t i)
{
	return (struct cel_value){.kind = CEL_INT, .as.i = i};
}

struct cel_value
cel_uint(uint64_t u)
{
	return (struct cel_value){.kind = CEL_UINT, .as.u = u};
}

struct cel_value
cel_double(double d)
{
	return (struct cel_value){.kind = CEL_DOUBLE, .as.d = d};
}

struct cel_value
cel_string(const char *text, size_t n)
{
	return (struct cel_value){
	    .kind = CEL_STRING, .n = (uint32_t)n, .as.text = text};
}

struct cel_value
cel_text(const char *text)
{
	return cel_string(text, strlen(text));
}

struct cel_value
cel_bytes(const void *bytes, size_t n)
{
	return (struct cel_value){
	    .kind = CEL_BYTES, .n = (uint32_t)n, .as.text = bytes};
}

struct cel_value
cel_list(const struct cel_value *items, size_t n)
{
	return (struct cel_value){
	    .kind = CEL_LIST, .n = (uint32_t)n, .as.items = items};
}

struct cel_value
cel_unknown(const char *what)
{
	return (struct cel_value){.kind = CEL_UNKNOWN,
	    .n = what == NULL ? 0 : (uint32_t)strlen(what),
	    .as.text = what};
}

struct cel_value
cel_timestamp(int64_t seconds, uint32_t nanos)
{
	return (struct cel_value){
	    .kind = CEL_TIMESTAMP, .n = nanos, .as.seconds = seconds};
}

struct cel_value
cel_duration(int64_t seconds, uint32_t nanos)
{
	return (struct cel_value){
	    .kind = CEL_DURATION, .n = nanos, .as.seconds = seconds};
}

const char *
cel_kind_name(enum cel_kind kind)
{
	static const char *const names[CEL_KIND_COUNT] = {
	    [CEL_ERROR] = "error",
	    [CEL_UNKNOWN] = "unknown",
	    [CEL_NULL] = "null_type",
	    [CEL_BOOL] = "bool",
	    [CEL_INT] = "int",
	    [CEL_UINT] = "uint",
	    [CEL_DOUBLE] = "double",
	    [CEL_STRING] = "string",
	    [CEL_BYTES] = "bytes",
	    [CEL_TIMESTAMP] = "google.protobuf.Timestamp",
	    [CEL_DURATION] = "google.protobuf.Duration",
	    [CEL_LIST] = "list",
	    [CEL_MAP] = "map",
	    [CEL_TYPE] = "type",
	    [CEL_OPTIONAL] = "optional_type",
	    [CEL_IP] = "net.IP",
	    [CEL_CIDR] = "net.CIDR",
	    [CEL_URL] = "url.URL",
	};

	return kind < CEL_KIND_COUNT ? names[kind] : "error";
}
