/* Tests of which addresses are public. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "out/address.h"

static bool
is_public(const char *text)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
		return address_is_public((const struct sockaddr *)&in4);
	}
	cr_assert_eq(inet_pton(AF_INET6, text, &in6.sin6_addr), 1, "%s", text);
	return address_is_public((const struct sockaddr *)&in6);
}

Test(address, what_leads_back_inside_is_not_public)
{
	static const char *const inner[] = {"0.0.0.0", "10.1.2.3", "100.64.0.1",
	    "100.127.255.255", "127.0.0.1", "127.255.255.254",
	    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
	    "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
	    "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1",
	    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",
	    "::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8",
	    "64:ff9b::7f00:1", "fc00::1", "fd12:3456::1", "fe80::1", "ff02::1",
	    "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "100::1"};

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		cr_expect(!is_public(inner[i]), "%s", inner[i]);
	}
}

Test(address, what_lies_beside_those_ranges_is_public)
{
	static const char *const outer[] = {"1.0.0.1", "8.8.8.8",
	    "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1",
	    "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255",
	    "172.32.0.1", "192.0.1.1", "192.167.255.255", "198.17.255.255",
	    "198.20.0.1", "203.0.114.1", "223.255.255.255",
	    "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1",
	    "2001:200::1"};

	for (size_t i = 0; i < sizeof(outer) / sizeof(outer[0]); i++) {
		cr_expect(is_public(outer[i]), "%s", outer[i]);
	}
}

Test(address, a_unix_socket_is_not_public)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	cr_assert(!address_is_public((const struct sockaddr *)&un));
}
