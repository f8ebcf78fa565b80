/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_type.h owns telling what a file is by its content, piece by piece while it comes in: JPEG (ITU-T
 * T.81 annex B), PNG (ISO/IEC 15948 section 5) and WebM (EBML, RFC 8794, with the elements of RFC 9559).
 * Its parts must follow each other from the first byte to the last: with anything before, between or
 * behind them a file could be something else as well, to somebody else.
 */
#ifndef BONAFIDE_MEDIA_TYPE_H
#define BONAFIDE_MEDIA_TYPE_H

#include "base.h"

enum media_kind { MEDIA_JPEG, MEDIA_PNG, MEDIA_WEBM, MEDIA__MAX };

/* "image/jpeg", "image/png", "video/webm". */
const char *media_kind_type(enum media_kind kind);

/* The kind of a media type, in any case (RFC 9110 section 8.3.1); parameters, such as the codecs that a
 * browser's recorder names, say nothing of it. ERR_UNSUPPORTED_MEDIA_TYPE. */
enum err media_kind_parse(const char *media_type, enum media_kind *ret_kind) MUST_CHECK;

/* Where a look at a file has got to; zeroed but for kind at its beginning. */
struct media_look {
	enum media_kind kind;
	int step;          /* of the kind's own */
	uint64_t skip;     /* bytes that say nothing about where the next part is */
	uint8_t head[64];  /* what is being collected */
	size_t have, want; /* bytes of it */
	uint64_t at;       /* bytes seen */
	uint64_t end;      /* where what is open ends by its own word; 0: not said */
	bool seen_size;    /* a picture's size, a video's tracks */
	bool seen_data;    /* what is to be seen */
	bool done;         /* it is complete: not a byte may follow */
};

/* Looks at the next piece. ERR_MEDIA_UNFIT. */
enum err media_look(struct media_look *look, const void *data, size_t len_bytes) MUST_CHECK;

/* Nothing follows: was it all? ERR_MEDIA_UNFIT. */
enum err media_look_end(const struct media_look *look) MUST_CHECK;

#endif
