/* Calls a function that is banned. */
#include <string.h>

void
copy(char *to, const char *from)
{
	strcpy(to, from);
}
