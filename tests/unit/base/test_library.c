/* Tests of libraries that are loaded when something needs them. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/library.h"

#define LIBM "libm.so.6"

Test(library, fills_the_places)
{
	double (*cube_root)(double) = NULL;
	double (*power)(double, double) = NULL;
	const struct gk_symbol symbols[] = {
	    {"cbrt", &cube_root}, {"pow", &power}};
	struct gk_err err = {0};

	cr_assert_eq(
	    gk_library_load(LIBM, symbols, GK_COUNT(symbols), &err), GK_OK);
	cr_assert(fabs(cube_root(27.0) - 3.0) < 1e-9);
	cr_assert(fabs(power(2.0, 10.0) - 1024.0) < 1e-9);
}

Test(library, a_missing_one_is_named)
{
	double (*cube_root)(double) = NULL;
	const struct gk_symbol symbols[] = {{"cbrt", &cube_root}};
	struct gk_err err = {0};

	cr_assert_eq(
	    gk_library_load("libnot-there.so.9", symbols, 1, &err), GK_E_IO);
	cr_assert(
	    strstr(err.text, "libnot-there.so.9") != NULL, "%s", err.text);
	cr_assert_null(cube_root);
}

/* All places or none: a library of another version is no half of one. */
Test(library, a_missing_function_is_named_and_nothing_is_filled)
{
	double (*cube_root)(double) = NULL;
	void (*none)(void) = NULL;
	const struct gk_symbol symbols[] = {
	    {"cbrt", &cube_root}, {"no_such_function", &none}};
	struct gk_err err = {0};

	cr_assert_eq(
	    gk_library_load(LIBM, symbols, GK_COUNT(symbols), &err), GK_E_IO);
	cr_assert(strstr(err.text, "no_such_function") != NULL, "%s", err.text);
	cr_assert_null(cube_root);
	cr_assert_null(none);
}
