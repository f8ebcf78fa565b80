/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_type.c walks through files: each kind collects the head of a part, decides what it is, and says
 * how much of it to skip. A kind's function is called with what it wanted in look->head, sets what it
 * wants next (from which byte of the head on: look->have), and returns false for what must not be.
 */
#include "media_type.h"

#include <string.h>

#include "str.h"

typedef bool part_fn(struct media_look *look);

static uint32_t big_endian(const uint8_t *bytes, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void want(struct media_look *look, int step, size_t len)
{
	look->step = step;
	look->have = 0;
	look->want = len;
}

/* ---- JPEG --------------------------------------------------------------------------------------- */

enum { JPEG_BEGIN, JPEG_MARKER, JPEG_LENGTH, JPEG_FRAME, JPEG_SCAN, JPEG_SCAN_MARKER };

#define JPEG_SOI 0xd8
#define JPEG_EOI 0xd9
#define JPEG_SOS 0xda

/* SOF0 to SOF15 less DHT, JPG and DAC (T.81 table B.1). */
static bool is_frame(unsigned marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

/* look->end holds the marker whose segment is open. */
static bool jpeg_marker(struct media_look *look, unsigned marker)
{
	if (marker == JPEG_EOI) {
		look->done = true;
		return look->seen_data;
	}
	/* Those without a segment have no business between two of them. */
	if (marker < 0xc0 || (marker >= 0xd0 && marker <= JPEG_SOI))
		return false;
	look->end = marker;
	want(look, JPEG_LENGTH, 2);
	return true;
}

static bool jpeg_length(struct media_look *look)
{
	uint32_t len = big_endian(look->head, 2);

	if (len < 2)
		return false;
	look->skip = len - 2;
	want(look, JPEG_MARKER, 2);
	if (look->end == JPEG_SOS) {
		look->seen_data = true;
		want(look, JPEG_SCAN, 1);
		return look->seen_size;
	}
	if (!is_frame((unsigned)look->end))
		return true;
	look->skip -= len < 8 ? 0 : 6;
	/* The size stands in the first bytes: they are looked at, the rest is skipped after. */
	look->at = look->skip;
	look->skip = 0;
	want(look, JPEG_FRAME, 6);
	return len >= 8;
}

static bool jpeg_part(struct media_look *look)
{
	const uint8_t *head = look->head;

	switch (look->step) {
	case JPEG_BEGIN:
		want(look, JPEG_MARKER, 2);
		return head[0] == 0xff && head[1] == JPEG_SOI;
	case JPEG_MARKER:
		/* Section B.1.1.2: any number of filling bytes may stand before a marker. */
		look->have = head[0] == 0xff && head[1] == 0xff ? 1 : 2;
		return head[0] == 0xff && (look->have == 1 || jpeg_marker(look, head[1]));
	case JPEG_LENGTH:
		return jpeg_length(look);
	case JPEG_FRAME:
		look->seen_size = big_endian(head + 1, 2) > 0 && big_endian(head + 3, 2) > 0;
		look->skip = look->at;
		want(look, JPEG_MARKER, 2);
		return look->seen_size;
	case JPEG_SCAN:
		want(look, head[0] == 0xff ? JPEG_SCAN_MARKER : JPEG_SCAN, 1);
		return true;
	default:
		/* A stuffed byte, a restart, a filling byte, or the end of the scan. */
		if (head[0] == 0xff) {
			want(look, JPEG_SCAN_MARKER, 1);
			return true;
		}
		if (head[0] == 0 || (head[0] >= 0xd0 && head[0] <= 0xd7)) {
			want(look, JPEG_SCAN, 1);
			return true;
		}
		return jpeg_marker(look, head[0]);
	}
}

/* ---- PNG ---------------------------------------------------------------------------------------- */

enum { PNG_BEGIN, PNG_CHUNK };

#define PNG_CHUNK_HEAD 8
#define PNG_CRC 4

static bool png_begin(struct media_look *look)
{
	/* The signature, the length 13, "IHDR"; then width and height. */
	static const uint8_t begin[16] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
		'I', 'H', 'D', 'R' };

	look->seen_size = big_endian(look->head + 16, 4) > 0 && big_endian(look->head + 20, 4) > 0;
	look->skip = 5 + PNG_CRC;
	want(look, PNG_CHUNK, PNG_CHUNK_HEAD);
	return look->seen_size && memcmp(look->head, begin, sizeof(begin)) == 0;
}

static bool png_part(struct media_look *look)
{
	uint32_t len = big_endian(look->head, 4);
	const uint8_t *type = look->head + 4;

	if (look->step == PNG_BEGIN)
		return png_begin(look);
	for (size_t i = 0; i < 4; i++) {
		if ((type[i] | 0x20) < 'a' || (type[i] | 0x20) > 'z')
			return false;
	}
	look->skip = (uint64_t)len + PNG_CRC;
	want(look, PNG_CHUNK, PNG_CHUNK_HEAD);
	if (memcmp(type, "IEND", 4) == 0) {
		look->done = true;
		return len == 0 && look->seen_data;
	}
	look->seen_data = look->seen_data || memcmp(type, "IDAT", 4) == 0;
	return len <= INT32_MAX && memcmp(type, "IHDR", 4) != 0;
}

/* ---- WebM --------------------------------------------------------------------------------------- */

enum { WEBM_BEGIN, WEBM_HEADER, WEBM_ELEMENT };

#define EBML_UNKNOWN UINT64_MAX
#define ID_SEGMENT 0x18538067u
#define ID_CLUSTER 0x1f43b675u
#define ID_TRACKS 0x1654ae6bu

/* What may stand in a segment or a cluster: attachments (whole files) may not. */
static const uint32_t webm_ids[] = { ID_SEGMENT, ID_CLUSTER, ID_TRACKS, 0x114d9b74 /* SeekHead */,
	0x1549a966 /* Info */, 0x1c53bb6b /* Cues */, 0x1254c367 /* Tags */, 0xec /* Void */,
	0xbf /* CRC-32 */, 0xe7 /* Timestamp */, 0xa3 /* SimpleBlock */, 0xa0 /* BlockGroup */,
	0xab /* PrevSize */, 0xa7 /* Position */ };

/* RFC 8794 section 4: how many bytes a number has, by its first one; 9 when it is none. */
static size_t vint_len(uint8_t first)
{
	size_t len = 1;

	while (len <= 8 && (first & (0x80u >> (len - 1))) == 0)
		len++;
	return len;
}

static uint64_t vint_value(const uint8_t *bytes, size_t len)
{
	uint64_t value = bytes[0] & (0xffu >> len), most = (UINT64_C(1) << (7 * len)) - 1;

	for (size_t i = 1; i < len; i++)
		value = value << 8 | bytes[i];
	return value == most ? EBML_UNKNOWN : value;
}

/* The element at the front of the head: its id and size, and how long both are. 0 when more of it is
 * wanted, which is then look->want. */
static size_t webm_head(
    struct media_look *look, bool *ret_fits, uint32_t *ret_id, uint64_t *ret_size)
{
	size_t id_len = vint_len(look->head[0]);

	*ret_fits = id_len <= 4;
	if (!*ret_fits)
		return 0;
	if (look->have <= id_len) {
		look->want = id_len + 1;
		if (look->have < look->want)
			return 0;
	}
	size_t size_len = vint_len(look->head[id_len]);
	*ret_fits = size_len <= 8;
	look->want = id_len + size_len;
	if (!*ret_fits || look->have < look->want)
		return 0;
	*ret_id = big_endian(look->head, id_len);
	*ret_size = vint_value(look->head + id_len, size_len);
	return id_len + size_len;
}

static bool webm_element(struct media_look *look)
{
	bool fits = false, known = false;
	uint32_t id = 0;
	uint64_t size = 0;
	size_t len = webm_head(look, &fits, &id, &size);

	if (len == 0)
		return fits;
	for (size_t i = 0; i < countof(webm_ids); i++)
		known = known || webm_ids[i] == id;
	bool opens = id == ID_SEGMENT || id == ID_CLUSTER;
	/* The one segment comes first, and nothing else stands beside it. */
	if (!known || (id == ID_SEGMENT) != (look->end == 0) || (size == EBML_UNKNOWN && !opens))
		return false;
	if (id == ID_SEGMENT)
		look->end = size == EBML_UNKNOWN ? EBML_UNKNOWN : look->at + size;
	else if (look->end != EBML_UNKNOWN && size != EBML_UNKNOWN && size > look->end - look->at)
		return false;
	look->seen_size = look->seen_size || id == ID_TRACKS;
	look->seen_data = look->seen_data || id == ID_CLUSTER;
	look->skip = opens ? 0 : size;
	want(look, WEBM_ELEMENT, 1);
	return look->at <= look->end;
}

/* RFC 8794 section 11.2.6: the document type. The header is short, and all of it is looked at. */
static bool webm_header(struct media_look *look)
{
	static const uint8_t doctype[] = { 0x42, 0x82, 0x84, 'w', 'e', 'b', 'm' };
	bool found = false;

	for (size_t i = 5; i + sizeof(doctype) <= look->have; i++)
		found = found || memcmp(look->head + i, doctype, sizeof(doctype)) == 0;
	want(look, WEBM_ELEMENT, 1);
	return found;
}

static bool webm_part(struct media_look *look)
{
	static const uint8_t magic[] = { 0x1a, 0x45, 0xdf, 0xa3 };

	if (look->step == WEBM_ELEMENT)
		return webm_element(look);
	if (look->step == WEBM_HEADER)
		return webm_header(look);
	/* The header's size: some write it in one byte, some in eight. */
	size_t size_len = vint_len(look->head[4]);
	if (memcmp(look->head, magic, sizeof(magic)) != 0 || size_len > 8)
		return false;
	look->want = 4 + size_len;
	if (look->have < look->want)
		return true;
	uint64_t size = vint_value(look->head + 4, size_len);
	look->want += size > sizeof(look->head) ? sizeof(look->head) : (size_t)size;
	look->step = WEBM_HEADER;
	return look->want <= sizeof(look->head) && size > 0;
}

/* ---- all ---------------------------------------------------------------------------------------- */

#define TYPE_SIZE 16

static const struct {
	const char *type;
	part_fn *part;
	size_t first; /* bytes that it begins with */
} kinds[MEDIA__MAX] = {
	[MEDIA_JPEG] = { "image/jpeg", jpeg_part, 2 },
	[MEDIA_PNG] = { "image/png", png_part, 24 },
	[MEDIA_WEBM] = { "video/webm", webm_part, 5 },
};

const char *media_kind_type(enum media_kind kind)
{
	return kinds[kind].type;
}

enum err media_kind_parse(const char *media_type, enum media_kind *ret_kind)
{
	char head[TYPE_SIZE] = "";
	size_t len = strcspn(media_type, "; \t");

	if (len < sizeof(head))
		memcpy(head, media_type, len);
	for (int kind = 0; kind < MEDIA__MAX; kind++) {
		if (ascii_equal_nocase(head, kinds[kind].type)) {
			*ret_kind = (enum media_kind)kind;
			return ERR_OK;
		}
	}
	return ERR_UNSUPPORTED_MEDIA_TYPE;
}

enum err media_look(struct media_look *look, const void *data, size_t len_bytes)
{
	const uint8_t *bytes = data;

	if (look->want == 0 && !look->done)
		look->want = kinds[look->kind].first;
	while (len_bytes > 0) {
		size_t part = len_bytes < look->skip ? len_bytes : (size_t)look->skip;
		if (part == 0) {
			if (look->done)
				return ERR_MEDIA_UNFIT;
			look->head[look->have++] = *bytes;
			part = 1;
		} else {
			look->skip -= part;
		}
		bytes += part;
		len_bytes -= part;
		if (look->kind == MEDIA_WEBM)
			look->at += part;
		bool full = look->skip == 0 && look->have == look->want;
		if (full && !kinds[look->kind].part(look))
			return ERR_MEDIA_UNFIT;
	}
	return ERR_OK;
}

enum err media_look_end(const struct media_look *look)
{
	bool whole = look->done && look->skip == 0;

	/* A video says nowhere that it ends: it does where a part does, and where it said it would. */
	if (look->kind == MEDIA_WEBM)
		whole = look->step == WEBM_ELEMENT && look->have == 0 && look->skip == 0 &&
			look->seen_size && look->seen_data &&
			(look->end == EBML_UNKNOWN || look->end == look->at);
	return whole ? ERR_OK : ERR_MEDIA_UNFIT;
}
