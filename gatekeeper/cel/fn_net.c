/* IP addresses and networks: ip(), cidr() and their questions; one text for one address. */

#include "cel/cel_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_MAX 64 /* bytes of a text that could be one */

/* ---- text ---- */

/* Four numbers of 0..255, without leading zeros: octal to some. */
static bool
parse_v4(const char *text, uint8_t ret[16])
{
	for (int i = 0; i < 4; i++) {
		unsigned value = 0;
		size_t n = strspn(text, "0123456789");

		if (n == 0 || n > 3 || (n > 1 && text[0] == '0')) {
			return false;
		}
		for (size_t k = 0; k < n; k++) {
			value = value * 10 + (unsigned)(text[k] - '0');
		}
		if (value > 255 || text[n] != (i < 3 ? '.' : '\0')) {
			return false;
		}
		ret[i] = (uint8_t)value;
		text += n + 1;
	}
	return true;
}

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* NULL: *ret is the address; else what is wrong with it. */
static const char *
parse_address(const char *text, size_t n, struct cel_ip *ret)
{
	char copy[ADDRESS_MAX];

	memset(ret, 0, sizeof(*ret));
	if (n == 0 || n >= sizeof(copy) || memchr(text, '\0', n) != NULL) {
		return "parse error: not an address";
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (strchr(copy, '%') != NULL) {
		return "IP address with zone value is not allowed";
	}
	if (strchr(copy, ':') == NULL) {
		ret->family = 4;
		return parse_v4(copy, ret->bytes)
			   ? NULL
			   : "parse error: not an IPv4 address";
	}
	ret->family = 6;
	if (inet_pton(AF_INET6, copy, ret->bytes) != 1) {
		return "parse error: not an IPv6 address";
	}
	/* ::ffff:a.b.c.d and ::ffff:xxxx:yyyy would escape rules for IPv4 */
	if (memcmp(ret->bytes, mapped, sizeof(mapped)) == 0) {
		return "IPv4-mapped IPv6 address is not allowed";
	}
	if (strchr(copy, '.') != NULL) {
		return "IPv4 inside IPv6 is not allowed";
	}
	return NULL;
}

bool
cel__ip_check(const char *text, size_t n)
{
	struct cel_ip ip;

	return parse_address(text, n, &ip) == NULL;
}

static const char *
parse_network(const char *text, size_t n, struct cel_ip *ret)
{
	const char *slash = n == 0 ? NULL : memchr(text, '/', n), *why;
	const char *digits;
	size_t count;

	if (slash == NULL) {
		return "parse error: a network is address/bits";
	}
	if (memchr(text, '%', (size_t)(slash - text)) != NULL) {
		return "CIDR with zone value is not allowed";
	}
	why = parse_address(text, (size_t)(slash - text), ret);
	if (why != NULL) {
		return why;
	}
	digits = slash + 1;
	count = n - (size_t)(digits - text);
	if (count == 0 || count > 3 || (count > 1 && digits[0] == '0')) {
		return "parse error: bad number of bits";
	}
	{
		unsigned bits = 0;

		for (size_t i = 0; i < count; i++) {
			if (digits[i] < '0' || digits[i] > '9') {
				return "parse error: bad number of bits";
			}
			bits = bits * 10 + (unsigned)(digits[i] - '0');
		}
		if (bits > (ret->family == 4 ? 32u : 128u)) {
			return "parse error: too many bits";
		}
		ret->prefix = (uint8_t)bits;
	}
	return NULL;
}

/* The longest run of two or more zero groups; ret_n 0: none. */
static int
zero_run(const uint16_t groups[8], int *ret_n)
{
	int best = 0;

	*ret_n = 0;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && groups[i + n] == 0) {
			n++;
		}
		if (n > *ret_n && n > 1) {
			best = i;
			*ret_n = n;
		}
		i += n;
	}
	return best;
}

size_t
cel__ip_print(const struct cel_ip *ip, bool cidr, char ret[CEL_IP_TEXT])
{
	uint16_t groups[8];
	size_t n = 0;
	int run, length;

	if (ip->family == 4) {
		n = (size_t)snprintf(ret, CEL_IP_TEXT, "%u.%u.%u.%u",
		    ip->bytes[0], ip->bytes[1], ip->bytes[2], ip->bytes[3]);
	} else {
		for (size_t i = 0; i < 8; i++) {
			groups[i] = (uint16_t)(ip->bytes[2 * i] << 8 |
					       ip->bytes[2 * i + 1]);
		}
		run = zero_run(groups, &length);
		for (int i = 0; i < 8; i++) {
			if (length > 0 && i == run) {
				n += (size_t)snprintf(
				    ret + n, CEL_IP_TEXT - n, "::");
				i += length - 1;
				continue;
			}
			n += (size_t)snprintf(ret + n, CEL_IP_TEXT - n, "%s%x",
			    i == 0 || (length > 0 && i == run + length) ? ""
									: ":",
			    groups[i]);
		}
	}
	if (cidr) {
		n += (size_t)snprintf(
		    ret + n, CEL_IP_TEXT - n, "/%u", ip->prefix);
	}
	return n;
}

/* ---- making ---- */

static struct cel_value
address(struct cel_eval *ev, const struct cel_ip *from, enum cel_kind kind)
{
	struct cel_ip *ip = cel__alloc(ev, sizeof(*ip));

	if (ip == NULL) {
		return cel__spent(ev);
	}
	*ip = *from;
	return (struct cel_value){.kind = kind, .as.ip = ip};
}

static struct cel_value
ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;
	const char *why = parse_address(args[0].as.text, args[0].n, &parsed);

	(void)n;
	return why == NULL
		   ? address(ev, &parsed, CEL_IP)
		   : cel__fault(ev, CEL_F_ARGUMENT, "IP Address: %s", why);
}

static struct cel_value
cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;
	const char *why = parse_network(args[0].as.text, args[0].n, &parsed);

	(void)n;
	return why == NULL
		   ? address(ev, &parsed, CEL_CIDR)
		   : cel__fault(ev, CEL_F_ARGUMENT, "network address: %s", why);
}

static struct cel_value
is_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;

	(void)ev;
	(void)n;
	return cel_bool(
	    parse_address(args[0].as.text, args[0].n, &parsed) == NULL);
}

static struct cel_value
is_cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;

	(void)ev;
	(void)n;
	return cel_bool(
	    parse_network(args[0].as.text, args[0].n, &parsed) == NULL);
}

static struct cel_value
is_canonical(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;
	char text[CEL_IP_TEXT];
	const char *why = parse_address(args[0].as.text, args[0].n, &parsed);

	(void)n;
	if (why != NULL) {
		return cel__fault(ev, CEL_F_ARGUMENT, "IP Address: %s", why);
	}
	return cel_bool(cel__ip_print(&parsed, false, text) == args[0].n &&
			memcmp(text, args[0].as.text, args[0].n) == 0);
}

static struct cel_value
to_string(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	char text[CEL_IP_TEXT];
	size_t length =
	    cel__ip_print(args[0].as.ip, args[0].kind == CEL_CIDR, text);

	(void)n;
	return cel__copy(ev, text, length);
}

/* ---- questions of an address ---- */

static struct cel_value
family(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_int(args[0].as.ip->family);
}

/* Do the first bits of both agree? */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* Is it in the network that begins with these bytes? */
static bool
in_v4(const struct cel_ip *ip, uint8_t a, uint8_t b, unsigned bits)
{
	const uint8_t bytes[4] = {a, b, 0, 0};

	return ip->family == 4 && same_bits(ip->bytes, bytes, bits);
}

static bool
in_v6(const struct cel_ip *ip, uint8_t a, uint8_t b, unsigned bits)
{
	const uint8_t bytes[16] = {a, b};

	return ip->family == 6 && same_bits(ip->bytes, bytes, bits);
}

static bool
unspecified(const struct cel_ip *ip)
{
	static const uint8_t zero[16] = {0};

	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

static bool
loopback(const struct cel_ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return in_v4(ip, 127, 0, 8) ||
	       (ip->family == 6 && memcmp(ip->bytes, one, sizeof(one)) == 0);
}

static bool
multicast(const struct cel_ip *ip)
{
	return in_v4(ip, 224, 0, 4) || in_v6(ip, 0xff, 0, 8);
}

static bool
link_local_unicast(const struct cel_ip *ip)
{
	return in_v4(ip, 169, 254, 16) || in_v6(ip, 0xfe, 0x80, 10);
}

static bool
link_local_multicast(const struct cel_ip *ip)
{
	return (ip->family == 4 && ip->bytes[0] == 224 && ip->bytes[1] == 0 &&
		   ip->bytes[2] == 0) ||
	       (ip->family == 6 && ip->bytes[0] == 0xff &&
		   (ip->bytes[1] & 0x0f) == 2);
}

static bool
global_unicast(const struct cel_ip *ip)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	return !(ip->family == 4 && memcmp(ip->bytes, broadcast, 4) == 0) &&
	       !unspecified(ip) && !loopback(ip) && !multicast(ip) &&
	       !link_local_unicast(ip);
}

/* RFC 1918, and unique local addresses of RFC 4193. */
static bool
private_use(const struct cel_ip *ip)
{
	return in_v4(ip, 10, 0, 8) || in_v4(ip, 172, 16, 12) ||
	       in_v4(ip, 192, 168, 16) || in_v6(ip, 0xfc, 0, 7);
}

#define ASK(name, question)                                                \
	static struct cel_value name(                                      \
	    struct cel_eval *ev, const struct cel_value *args, unsigned n) \
	{                                                                  \
		(void)ev;                                                  \
		(void)n;                                                   \
		return cel_bool(question(args[0].as.ip));                  \
	}
ASK(is_unspecified, unspecified)
ASK(is_loopback, loopback)
ASK(is_global_unicast, global_unicast)
ASK(is_link_local_multicast, link_local_multicast)
ASK(is_link_local_unicast, link_local_unicast)
ASK(is_private, private_use)

/* ---- questions of a network ---- */

static bool
covers(const struct cel_ip *network, const struct cel_ip *ip)
{
	return network->family == ip->family &&
	       same_bits(network->bytes, ip->bytes, network->prefix);
}

static struct cel_value
contains_ip(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip parsed;
	const char *why;

	(void)n;
	if (args[1].kind == CEL_IP) {
		return cel_bool(covers(args[0].as.ip, args[1].as.ip));
	}
	why = parse_address(args[1].as.text, args[1].n, &parsed);
	return why == NULL
		   ? cel_bool(covers(args[0].as.ip, &parsed))
		   : cel__fault(ev, CEL_F_ARGUMENT, "IP Address: %s", why);
}

static struct cel_value
contains_cidr(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	const struct cel_ip *inner = args[1].as.ip;
	struct cel_ip parsed;
	const char *why;

	(void)n;
	if (args[1].kind == CEL_STRING) {
		why = parse_network(args[1].as.text, args[1].n, &parsed);
		if (why != NULL) {
			return cel__fault(
			    ev, CEL_F_ARGUMENT, "network address: %s", why);
		}
		inner = &parsed;
	}
	return cel_bool(inner->prefix >= args[0].as.ip->prefix &&
			covers(args[0].as.ip, inner));
}

static struct cel_value
ip_of(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip plain = *args[0].as.ip;

	(void)n;
	plain.prefix = 0;
	return address(ev, &plain, CEL_IP);
}

static struct cel_value
masked(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	struct cel_ip network = *args[0].as.ip;
	unsigned bits = network.prefix;

	(void)n;
	for (unsigned i = 0; i < sizeof(network.bytes); i++) {
		unsigned keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8) {
			network.bytes[i] &= (uint8_t)(0xff00u >> keep);
		}
	}
	return address(ev, &network, CEL_CIDR);
}

static struct cel_value
prefix_length(struct cel_eval *ev, const struct cel_value *args, unsigned n)
{
	(void)ev;
	(void)n;
	return cel_int(args[0].as.ip->prefix);
}

const struct cel_builtin cel__network[] = {
    {"ip", false, "(string) -> net.IP", ip},
    {"isIP", false, "(string) -> bool", is_ip},
    {"ip.isCanonical", false, "(string) -> bool", is_canonical},
    {"family", true, "(net.IP) -> int", family},
    {"isUnspecified", true, "(net.IP) -> bool", is_unspecified},
    {"isLoopback", true, "(net.IP) -> bool", is_loopback},
    {"isGlobalUnicast", true, "(net.IP) -> bool", is_global_unicast},
    {"isLinkLocalMulticast", true, "(net.IP) -> bool", is_link_local_multicast},
    {"isLinkLocalUnicast", true, "(net.IP) -> bool", is_link_local_unicast},
    {"isPrivate", true, "(net.IP) -> bool", is_private},
    {"cidr", false, "(string) -> net.CIDR", cidr},
    {"isCIDR", false, "(string) -> bool", is_cidr},
    {"containsIP", true, "(net.CIDR, net.IP) -> bool", contains_ip},
    {"containsIP", true, "(net.CIDR, string) -> bool", contains_ip},
    {"containsCIDR", true, "(net.CIDR, net.CIDR) -> bool", contains_cidr},
    {"containsCIDR", true, "(net.CIDR, string) -> bool", contains_cidr},
    {"ip", true, "(net.CIDR) -> net.IP", ip_of},
    {"masked", true, "(net.CIDR) -> net.CIDR", masked},
    {"prefixLength", true, "(net.CIDR) -> int", prefix_length},
    {"string", false, "(net.IP) -> string", to_string},
    {"string", false, "(net.CIDR) -> string", to_string},
    {NULL, false, NULL, NULL},
};
