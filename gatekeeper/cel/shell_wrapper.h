#ifndef GK_CEL_SHELL_WRAPPER_H
#define GK_CEL_SHELL_WRAPPER_H
/* The programs that run other commands, and where these stand among their words. */

#include <stdbool.h>

enum cel__shell_what {
	CEL__SHELL_COMMAND,    /* the words that are left are a command */
	CEL__SHELL_JOINED,     /* … are one script */
	CEL__SHELL_SHELL,      /* a shell: -c SCRIPT, FILE, or its input */
	CEL__SHELL_OPTION_C,   /* only its -c SCRIPT */
	CEL__SHELL_FIRST_WORD, /* the first word that is left is a script: trap */
	CEL__SHELL_EXEC,       /* find: words behind -exec up to ';' or '+' */
	CEL__SHELL_BEHIND,     /* the words behind "--" */
	CEL__SHELL_RUN, /* words behind a "run" or "exec", and what that takes */
};

struct cel__shell_wrapper {
	const char *name;
	enum cel__shell_what what;
	/* Letters of options that take an argument; long ones, with blanks around. */
	const char *letters, *longs;
	unsigned skip; /* words before the command: a host, a time */
	bool variables,
	    more; /* NAME=… may come first; what is run gets more words */
	const char *never; /* letters which say that nothing is run */
};

/* By its base name; NULL: it runs nothing else. */
const struct cel__shell_wrapper *cel__shell_wrapper_of(const char *name);

#endif
