/* SPDX-License-Identifier: Apache-2.0 */
/* output_batch: a buffer, the ends of its items and a flag for each. */
#include "collector/output_batch.h"

#include <assert.h>

#include "agent/base/banned.h"

void output_batch_init(struct output_batch *batch)
{
	*batch = (struct output_batch){
		.text = BUF_INIT(OUTPUT_BATCH_BYTES + OUTPUT_TEXT_MAX),
		.part = OUTPUT_BATCH_ROWS,
	};
}

void output_batch_fini(struct output_batch *batch)
{
	buf_fini(&batch->text);
}

void output_batch_clear(struct output_batch *batch)
{
	buf_clear(&batch->text);
	batch->count = batch->left = 0;
	batch->part = OUTPUT_BATCH_ROWS;
}

void output_batch_end(struct output_batch *batch)
{
	assert(batch->count < OUTPUT_BATCH_ROWS);
	batch->ends[batch->count] = batch->text.size;
	batch->is_done[batch->count++] = false;
	batch->left++;
}

bool output_batch_is_full(const struct output_batch *batch)
{
	return batch->count == OUTPUT_BATCH_ROWS ||
	       batch->text.size >= OUTPUT_BATCH_BYTES;
}

const char *output_batch_item(const struct output_batch *batch, size_t index,
			      size_t *ret_size)
{
	size_t start = index > 0 ? batch->ends[index - 1] : 0;

	assert(index < batch->count);
	*ret_size = batch->ends[index] - start;
	return batch->text.data + start;
}

void output_batch_done(struct output_batch *batch, size_t index)
{
	assert(index < batch->count);
	if (batch->is_done[index])
		return;
	batch->is_done[index] = true;
	batch->left--;
}

int output_batch_take(const struct output_batch *batch, struct buf *out,
		      size_t *ret_indices, size_t *ret_count)
{
	size_t count = 0, size;
	int r = 0;

	for (size_t i = 0; r == 0 && i < batch->count && count < batch->part;
	     i++) {
		if (batch->is_done[i])
			continue;
		const char *item = output_batch_item(batch, i, &size);

		r = buf_append(out, item, size);
		ret_indices[count++] = i;
	}
	if (r == 0)
		*ret_count = count;
	return r;
}

bool output_batch_halve(struct output_batch *batch, size_t count)
{
	if (count <= 1)
		return false;
	batch->part = count / 2;
	return true;
}
