#ifndef GK_JOURNAL_TILE_H
#define GK_JOURNAL_TILE_H
/* C2SP tlog-tiles: names of tiles, and what lies in a tile of hashes or a bundle of entries. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/digest.h"

#define TILE_WIDTH      256 /* hashes in a full tile; height 8 */
#define TILE_PATH_BYTES 64  /* "tile/0/x001/x234/067.p/255" and '\0' */

/* Which tile: level 0..63, index n, width 1..256 (256: full). */
struct tile_id {
	unsigned level;
	uint64_t index;
	unsigned width;
};

/* "tile/<L>/<N>[.p/<W>]"; entries: "tile/entries/<N>[.p/<W>]".  Gives the length. */
size_t tile_path(const struct tile_id *id, char ret_path[TILE_PATH_BYTES]);
size_t tile_entries_path(
    uint64_t index, unsigned width, char ret_path[TILE_PATH_BYTES]);

/*
 * Read what stands behind "tile/" ("<L>/<N>[.p/<W>]") or behind "tile/entries/"
 * ("<N>[.p/<W>]").  Strict: exactly what the printers write, for any index below
 * 2^64.  False, and ret undefined, for anything else.
 */
bool tile_parse(const char *text, struct tile_id *ret);
bool tile_entries_parse(
    const char *text, uint64_t *ret_index, unsigned *ret_width);

/*
 * How wide is the tile (level, index) in a tree of that size?
 * 0 when the tree doesn't reach it.
 */
unsigned tile_width(unsigned level, uint64_t index, uint64_t tree_size);

/* Append one entry to a bundle: uint16 big-endian length, then its bytes. */
enum gk_rc tile_bundle_add(struct gk_buf *bundle, const void *entry, size_t n,
    struct gk_err *err) GK_MUST_USE;

/*
 * Take the next entry off a bundle: *at starts at 0.  Borrows.  False at the
 * end, where *at == n; false with *at < n, and GK_E_INVALID in *err, when the bundle
 * is cut short.
 */
bool tile_bundle_next(const void *bundle, size_t n, size_t *at,
    const void **ret_entry, size_t *ret_n, struct gk_err *err);

#endif
