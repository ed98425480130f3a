/* Includes a library whose key another file holds. */
#include <sqlite3.h>
