/* Tell public addresses from those that lead back inside. */
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "out/address.h"

struct range4 {
	uint32_t net;
	unsigned bits;
};

/* IPv4: all that the special-purpose registry doesn't call globally reachable, and multicast. */
static const struct range4 inner4[] = {
    {0x00000000, 8},  /* 0/8: this network */
    {0x0a000000, 8},  /* 10/8 */
    {0x64400000, 10}, /* 100.64/10: shared */
    {0x7f000000, 8},  /* 127/8: this machine */
    {0xa9fe0000, 16}, /* 169.254/16: link-local, metadata services */
    {0xac100000, 12}, /* 172.16/12 */
    {0xc0000000, 24}, /* 192.0.0/24 */
    {0xc0000200, 24}, /* 192.0.2/24: documentation */
    {0xc0586300, 24}, /* 192.88.99/24: 6to4 relays */
    {0xc0a80000, 16}, /* 192.168/16 */
    {0xc6120000, 15}, /* 198.18/15: benchmarks */
    {0xc6336400, 24}, /* 198.51.100/24: documentation */
    {0xcb007100, 24}, /* 203.0.113/24: documentation */
    {0xe0000000, 4},  /* 224/4: multicast */
    {0xf0000000, 4},  /* 240/4: reserved, broadcast */
};

struct range6 {
	uint8_t net[4]; /* the first 32 bits */
	unsigned bits;
};

/* Inside 2000::/3, which is all of IPv6 that is public. */
static const struct range6 inner6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* 2001::/23: protocols, Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4: an IPv4 address inside */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool
is_public4(uint32_t address)
{
	for (size_t i = 0; i < GK_COUNT(inner4); i++) {
		uint32_t mask = UINT32_MAX << (32 - inner4[i].bits);

		if ((address & mask) == inner4[i].net) {
			return false;
		}
	}
	return true;
}

static uint32_t
first32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

static bool
is_public6(const uint8_t bytes[16])
{
	uint32_t start = first32(bytes);

	if ((start & 0xe0000000) != 0x20000000) {
		return false;
	}
	for (size_t i = 0; i < GK_COUNT(inner6); i++) {
		uint32_t mask = UINT32_MAX << (32 - inner6[i].bits);

		if ((start & mask) == first32(inner6[i].net)) {
			return false;
		}
	}
	return true;
}

bool
address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (address->sa_family == AF_INET) {
		(void)memcpy(&in4, address, sizeof(in4));
		return is_public4(ntohl(in4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		(void)memcpy(&in6, address, sizeof(in6));
		return is_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}
