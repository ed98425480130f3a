/* Multiples are of decimals as they are written, not of their doubles. */
#include <criterion/criterion.h>

#include "policy/schema_node.h"

Test(multiple, decimals_are_exact)
{
	cr_expect(multiple_of(0, 7));
	cr_expect(multiple_of(-0.0, 0.1));
	cr_expect(multiple_of(19.99, 0.01));
	cr_expect(multiple_of(-19.99, 0.01));
	cr_expect(multiple_of(0.3, 0.1));
	cr_expect(multiple_of(0.0075, 0.0001));
	cr_expect(!multiple_of(0.00751, 0.0001));
	cr_expect(multiple_of(4.5, 1.5));
	cr_expect(!multiple_of(35, 1.5));
	cr_expect(!multiple_of(19.999, 0.01));
	cr_expect(multiple_of(0.01, 0.01));
	cr_expect(!multiple_of(0.005, 0.01));
}

Test(multiple, nothing_is_too_large_or_too_small)
{
	cr_expect(!multiple_of(1e308, 0.123456789));
	cr_expect(multiple_of(1e308, 0.5));
	cr_expect(multiple_of(12391239123, 1e-8));
	cr_expect(!multiple_of(1000000000.5, 1));
	cr_expect(!multiple_of(4503599627370495.5, 1));
	cr_expect(multiple_of(9007199254740991, 1));
	cr_expect(multiple_of(1.7976931348623157e308, 5e-324));
	cr_expect(!multiple_of(5e-324, 1.7976931348623157e308));
	cr_expect(multiple_of(1e21, 1e20));
	cr_expect(!multiple_of(1e20, 1e21));
	cr_expect(multiple_of(5e-324, 5e-324));
}
