/* Macros become what they mean, and are told apart from calls. */
#include "cel_tree.h"

TestSuite(cel_macro, .fini = tree_done);

Test(cel_macro, has_asks_for_a_selection)
{
	TREE_IS("has(a.b)", "(has a 'b')");
	TREE_IS("has(a.b.`c-d`)", "(has (. a 'b') 'c-d')");
	TREE_IS("has((a.b))", "(has a 'b')");
	TREE_IS("has(a.?b.c)", "(has (.? a 'b') 'c')");
	TREE_IS("has(a.?b)", "(has a ?'b')");
	TREE_IS("has(a)", "4-5 has() asks for a field: this is no selection "
			  "[write has(x.name)]");
	TREE_IS("has(a['b'])",
	    "4-10 has() asks for a field: this is no selection "
	    "[write has(x.`name`), or 'name' in x]");
	TREE_IS("has(a.b())",
	    "4-9 has() asks for a field: this is no selection "
	    "[write has(x.name)]");
}

Test(cel_macro, loops_have_one_variable)
{
	TREE_IS("l.all(x, x > 0)", "(ALL \\x l (> x 0))");
	TREE_IS("l.exists(x, p)", "(EXISTS \\x l p)");
	TREE_IS("l.exists_one(x, p)", "(EXISTS_ONE \\x l p)");
	TREE_IS("l.existsOne(x, p)", "(EXISTS_ONE \\x l p)");
	TREE_IS("l.filter(x, p)", "(FILTER \\x l p)");
	TREE_IS("l.map(x, t)", "(MAP \\x l t)");
	TREE_IS("l.sortBy(x, k)", "(SORT_BY \\x l k)");
	TREE_IS("l.map(x, p, t)", "(MAP \\x l t p)");
	TREE_IS("a.b.all(a, a)", "(ALL \\a (. a 'b') a)");
}

Test(cel_macro, loops_have_two_variables)
{
	TREE_IS("l.all(i, v, p)", "(ALL \\i,v l p)");
	TREE_IS("l.exists(i, v, p)", "(EXISTS \\i,v l p)");
	TREE_IS("l.exists_one(i, v, p)", "(EXISTS_ONE \\i,v l p)");
	TREE_IS("l.existsOne(i, v, p)", "(EXISTS_ONE \\i,v l p)");
	TREE_IS("l.transformList(i, v, t)", "(MAP \\i,v l t)");
	TREE_IS("l.transformList(i, v, p, t)", "(MAP \\i,v l t p)");
	TREE_IS("m.transformMap(k, v, t)", "(TRANSFORM_MAP \\k,v m t)");
	TREE_IS("m.transformMap(k, v, p, t)", "(TRANSFORM_MAP \\k,v m t p)");
	TREE_IS("m.transformMapEntry(k, v, {v: k})",
	    "(TRANSFORM_ENTRY \\k,v m (map v:k))");
	TREE_IS("m.transformMapEntry(k, v, p, {v: k})",
	    "(TRANSFORM_ENTRY \\k,v m (map v:k) p)");
}

Test(cel_macro, values_get_names)
{
	TREE_IS("cel.bind(x, 1, x + x)", "(BIND \\x 1 (+ x x))");
	TREE_IS("o.optMap(x, x)", "(OPT_MAP \\x o x)");
	TREE_IS("o.optFlatMap(x, x.?y)", "(OPT_FLAT_MAP \\x o (.? x 'y'))");
	TREE_IS("cel.bind(x.y, 1, x)",
	    "9-12 a variable of 'bind' must be a simple name");
}

Test(cel_macro, other_counts_are_calls)
{
	TREE_IS("l.all(x)", "(call .all l x)");
	TREE_IS("l.all(1, x, y, z)", "(call .all l 1 x y z)");
	TREE_IS("l.filter(i, v, p)", "(call .filter l i v p)");
	TREE_IS("l.map()", "(call .map l)");
	TREE_IS("all(x, y)", "(call all x y)");
	TREE_IS("has()", "(call has)");
	TREE_IS("has(a, b)", "(call has a b)");
	TREE_IS("x.has(a)", "(call .has x a)");
	TREE_IS(".has(a)", "(call /has a)");
	TREE_IS("cel.bind(x, 1)", "(call .bind cel x 1)");
	TREE_IS("sel.bind(x, 1, 2)", "(call .bind sel x 1 2)");
	TREE_IS(".cel.bind(x, 1, 2)", "(call .bind .cel x 1 2)");
	TREE_IS("bind(x, 1, 2)", "(call bind x 1 2)");
}

Test(cel_macro, a_variable_is_a_simple_name)
{
	TREE_IS(
	    "l.all(1, true)", "6-7 a variable of 'all' must be a simple name");
	TREE_IS("l.map(x.y, true)",
	    "6-9 a variable of 'map' must be a simple name");
	TREE_IS("l.filter(.x, true)",
	    "9-11 a variable of 'filter' must be a simple name");
	TREE_IS("l.all(i, 'v', true)",
	    "9-12 a variable of 'all' must be a simple name");
	TREE_IS("l.all(__result__, true)",
	    "6-16 '__result__' can't be a variable of 'all'");
	TREE_IS("l.all(i, __result__, true)",
	    "9-19 '__result__' can't be a variable of 'all'");
	TREE_IS(
	    "l.all(i, i, true)", "9-10 both variables of 'all' are named 'i'");
}

Test(cel_macro, stands_where_the_call_stood)
{
	cr_expect_str_eq(tree_ranges("1 + l . map (x, x) [0]"),
	    "(+ 1@0-1 ([] (MAP \\x l@4-5 x@16-17)@4-18 0@20-21)@4-22)@0-22");
}
