/* Loads shared libraries by dlopen(3) and finds their functions. */
#include <dlfcn.h>
#include <string.h>

#include "base/library.h"

enum gk_rc
gk_library_load(const char *soname, const struct gk_symbol *symbols,
    size_t count, struct gk_err *err)
{
	/* Every symbol now: a library that can't work is told here, not at its first call. */
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps one for each thread */
		return GK_FAIL(err, GK_E_IO, "%.200s", dlerror());
	}
	for (size_t i = 0; i < count; i++) {
		if (dlsym(library, symbols[i].name) == NULL) {
			(void)dlclose(library);
			return GK_FAIL(err, GK_E_IO, "%.96s has no %.96s",
			    soname, symbols[i].name);
		}
	}
	for (size_t i = 0; i < count; i++) {
		void *symbol = dlsym(library, symbols[i].name);

		/* POSIX lets data pointers hold functions; C has no cast for it. */
		memcpy(symbols[i].place, &symbol, sizeof(symbol));
	}
	return GK_OK;
}
