#ifndef GK_OUT_ADDRESS_H
#define GK_OUT_ADDRESS_H
/* Which network addresses belong to the public Internet. */

#include <stdbool.h>

struct sockaddr;

/*
 * Is it an address that anybody on the Internet could mean?  False for loopback,
 * private, link-local, shared, documentation, multicast and reserved ranges (the
 * IANA special-purpose registries, RFC 6890), for IPv6 addresses that carry an
 * IPv4 one inside, and for anything that isn't IP.
 */
bool address_is_public(const struct sockaddr *address);

#endif
