/* Fuzzes what reads the name of a tile: what is read prints again as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "journal/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), again[TILE_PATH_BYTES];
	struct tile_id id;

	GK_ASSERT(text != NULL);
	if (tile_parse(text, &id)) {
		GK_ASSERT(id.level <= 63);
		(void)tile_path(&id, again);
		GK_ASSERT(strcmp(again + strlen("tile/"), text) == 0);
	}
	if (tile_entries_parse(text, &id.index, &id.width)) {
		GK_ASSERT(id.width >= 1 && id.width <= TILE_WIDTH);
		(void)tile_entries_path(id.index, id.width, again);
		GK_ASSERT(strcmp(again + strlen("tile/entries/"), text) == 0);
	}
	free(text);
	return 0;
}
