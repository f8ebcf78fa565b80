/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_media.c: an upload. The first byte picks the media type that is announced and whether the content
 * begins as it should, the second the sizes of the pieces that it comes in. Pieces must not matter; what is
 * whole, and says where it ends, is not whole without its last byte, nor with one more.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "media_type.h"

#define HEAD_SIZE 40
#define BEGINS_WELL 0x80u

/* What a file of each kind begins with; libFuzzer would be long in finding it. */
static const struct {
	uint8_t bytes[HEAD_SIZE];
	size_t len;
} heads[MEDIA__MAX] = {
	[MEDIA_JPEG] = { { 0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xff, 0xda,
			     0, 8, 1, 1, 0, 0, 0x3f, 0 },
	    25 },
	[MEDIA_PNG] = { { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D',
			    'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0 },
	    33 },
	[MEDIA_WEBM] = { { 0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84, 'w', 'e', 'b', 'm', 0x18,
			     0x53, 0x80, 0x67 },
	    16 },
};

/* In pieces of at most this many bytes, another number each time; 0: in one. */
static enum err look_at(enum media_kind kind, const uint8_t *bytes, size_t len, size_t pieces)
{
	struct media_look look = { .kind = kind };
	size_t at = 0, part = 0;
	enum err err = ERR_OK;

	for (; at < len && err == ERR_OK; at += part) {
		part = pieces == 0 ? len : 1 + (at * 31 + pieces) % pieces;
		part = part > len - at ? len - at : part;
		uint8_t *copy = malloc(part);
		FUZZ_MUST(copy != NULL);
		memcpy(copy, bytes + at, part);
		err = media_look(&look, copy, part);
		free(copy);
	}
	/* An error stays one: whoever goes on all the same learns nothing new. */
	FUZZ_MUST(err == ERR_OK || err == ERR_MEDIA_UNFIT);
	return err == ERR_OK ? media_look_end(&look) : err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	enum media_kind kind = (enum media_kind)((data[0] & ~BEGINS_WELL) % MEDIA__MAX);
	size_t head = (data[0] & BEGINS_WELL) != 0 ? heads[kind].len : 0, len = head + size - 2;
	uint8_t *file = malloc(len + 1);
	FUZZ_MUST(file != NULL);
	memcpy(file, heads[kind].bytes, head);
	memcpy(file + head, data + 2, size - 2);
	enum err err = look_at(kind, file, len, 0);
	FUZZ_MUST(look_at(kind, file, len, 1) == err);
	FUZZ_MUST(look_at(kind, file, len, data[1]) == err);
	if (err == ERR_OK) {
		FUZZ_MUST(kind == MEDIA_WEBM || look_at(kind, file, len - 1, 0) != ERR_OK);
		file[len] = data[1];
		FUZZ_MUST(look_at(kind, file, len + 1, 0) != ERR_OK);
	}
	free(file);
	return 0;
}
