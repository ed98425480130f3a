/* A binary heap of what is due when, with removal from the middle. */
#include <stdlib.h>

#include "ledger/ledger_internal.h"

static bool
due_before(const struct due_node *a, const struct due_node *b)
{
	if (a->when_us != b->when_us) {
		return a->when_us < b->when_us;
	}
	return a->tie != b->tie ? a->tie < b->tie : a->kind < b->kind;
}

static void
place(struct due_heap *heap, struct due_node *node, size_t index)
{
	heap->nodes[index] = node;
	node->index = index;
}

static void
sift_up(struct due_heap *heap, struct due_node *node)
{
	size_t at = node->index;

	for (; at > 1 && due_before(node, heap->nodes[at / 2]); at /= 2) {
		place(heap, heap->nodes[at / 2], at);
	}
	place(heap, node, at);
}

static void
sift_down(struct due_heap *heap, struct due_node *node)
{
	size_t at = node->index;

	for (;;) {
		size_t child = 2 * at;

		if (child > heap->count) {
			break;
		}
		if (child < heap->count &&
		    due_before(heap->nodes[child + 1], heap->nodes[child])) {
			child++;
		}
		if (!due_before(heap->nodes[child], node)) {
			break;
		}
		place(heap, heap->nodes[child], at);
		at = child;
	}
	place(heap, node, at);
}

enum gk_rc
due_set(struct due_heap *heap, struct due_node *node, int64_t when_us,
    struct gk_err *err)
{
	node->when_us = when_us;
	if (node->index == 0) {
		if (heap->count + 2 > heap->room) {
			size_t room = heap->room == 0 ? 16 : heap->room * 2;
			struct due_node **nodes = realloc(
			    heap->nodes, room * sizeof(struct due_node *));

			if (nodes == NULL) {
				return GK_FAIL(err, GK_E_NOMEM, "due heap");
			}
			heap->nodes = nodes;
			heap->room = room;
		}
		place(heap, node, ++heap->count);
	}
	sift_up(heap, node);
	sift_down(heap, node);
	return GK_OK;
}

void
due_drop(struct due_heap *heap, struct due_node *node)
{
	size_t index = node->index;
	struct due_node *last;

	if (index == 0) {
		return;
	}
	last = heap->nodes[heap->count--];
	node->index = 0;
	if (last != node) {
		place(heap, last, index);
		sift_up(heap, last);
		sift_down(heap, last);
	}
}

struct due_node *
due_first(const struct due_heap *heap)
{
	return heap->count == 0 ? NULL : heap->nodes[1];
}
