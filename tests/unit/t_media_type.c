/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_media_type.c: what a file is by its content: whole ones however they are cut into pieces, and those
 * that end early, go on behind their end, lie about a length, or are something else as well.
 */
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "media_type.h"

/* A file in a literal, without the NUL behind it. */
struct file {
	const char *name;
	enum media_kind kind;
	const char *bytes;
	size_t len;
};

#define FILE_ROW(what, of, text) \
	{ \
		what, MEDIA_##of, text, sizeof(text) - 1 \
	}

/* ---- parts ---------------------------------------------------------------------------------------- */

/* T.81 annex B: a segment is a marker, its length with itself, and so much less two. */
#define SOI "\xff\xd8"
#define EOI "\xff\xd9"
#define APP0 "\xff\xe0\0\x07JFIF\0"
#define SOF0 "\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0"
#define SOF2 "\xff\xc2\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0"
#define SOS "\xff\xda\0\x08\x01\x01\0\0\x3f\0"
#define SCAN "\x12\xff\0\x34\xff\xd0\x56\xff\xff\xd7\x01"
#define JPEG SOI APP0 SOF0 SOS SCAN EOI

/* ISO/IEC 15948 section 5.3: length, type, content, CRC (which nobody looks at). */
#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define CRC "\1\2\3\4"
#define IHDR "\0\0\0\x0dIHDR\0\0\0\1\0\0\0\2\x08\0\0\0\0" CRC
#define IDAT "\0\0\0\2IDATxy" CRC
#define IEND "\0\0\0\0IEND" CRC
#define PNG SIGNATURE IHDR IDAT IEND

/* RFC 8794: an id, a size, content. */
#define DOCTYPE "\x42\x82\x84webm"
#define HEADER "\x1a\x45\xdf\xa3\x8b\x42\x86\x81\1" DOCTYPE
#define SEGMENT(size) "\x18\x53\x80\x67" size
#define UNKNOWN "\x01\xff\xff\xff\xff\xff\xff\xff"
#define TRACKS "\x16\x54\xae\x6b\x82xy"
#define CLUSTER "\x1f\x43\xb6\x75\x85\xe7\x81\0\xa3\x80"
#define ENDLESS_CLUSTER "\x1f\x43\xb6\x75" UNKNOWN "\xe7\x81\0\xa3\x83xyz"
#define WEBM HEADER SEGMENT("\x91") TRACKS CLUSTER

static const struct file whole[] = {
	FILE_ROW("a photo", JPEG, JPEG),
	FILE_ROW("a progressive photo", JPEG, SOI SOF2 SOS SCAN SOS SCAN EOI),
	FILE_ROW("tables between scans", JPEG, SOI SOF2 SOS SCAN "\xff\xc4\0\3x" SOS SCAN EOI),
	FILE_ROW("lines defined after the scan", JPEG, SOI SOF0 SOS SCAN "\xff\xdc\0\4\0\2" EOI),
	FILE_ROW(
	    "fill bytes before a marker", JPEG, SOI "\xff\xff" SOF0 "\xff" SOS SCAN "\xff" EOI),
	FILE_ROW("an empty segment", JPEG, SOI "\xff\xe1\0\2" SOF0 SOS SCAN EOI),
	FILE_ROW("a page in a comment", JPEG, SOI "\xff\xfe\0\x08<html>" SOF0 SOS SCAN EOI),
	FILE_ROW("a picture", PNG, PNG),
	FILE_ROW("empty chunks", PNG, SIGNATURE IHDR "\0\0\0\0IDAT" CRC "\0\0\0\0tEXt" CRC IEND),
	FILE_ROW("a video", WEBM, WEBM),
	FILE_ROW("a video as it is recorded", WEBM,
	    HEADER SEGMENT(UNKNOWN) TRACKS ENDLESS_CLUSTER ENDLESS_CLUSTER),
	FILE_ROW("a size in eight bytes", WEBM,
	    "\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x07" DOCTYPE SEGMENT("\x01\0\0\0\0\0\0\x11")
		TRACKS CLUSTER),
	FILE_ROW(
	    "empty elements", WEBM, HEADER SEGMENT("\x95") "\xec\x80" TRACKS CLUSTER "\xbf\x80"),
};

static const struct file unfit[] = {
	/* Something before, between, behind: it would be something else as well. */
	FILE_ROW("nothing", JPEG, ""),
	FILE_ROW("nothing", PNG, ""),
	FILE_ROW("nothing", WEBM, ""),
	FILE_ROW("a page behind a photo", JPEG, JPEG "<script>alert(1)</script>"),
	FILE_ROW("an archive behind a photo", JPEG, JPEG "PK\3\4\x14\0\0\0"),
	FILE_ROW("a photo behind a photo", JPEG, JPEG JPEG),
	FILE_ROW("a NUL behind a photo", JPEG, JPEG "\0"),
	FILE_ROW("a GIF before a photo", JPEG, "GIF89a.................." JPEG),
	FILE_ROW("bytes between segments", JPEG, SOI APP0 "PK\3\4" SOF0 SOS SCAN EOI),
	FILE_ROW("an archive behind a picture", PNG, PNG "PK\5\6"),
	FILE_ROW("a page behind a picture", PNG, PNG "<html>"),
	FILE_ROW("a chunk behind a picture", PNG, PNG IDAT),
	FILE_ROW("a picture behind a picture", PNG, PNG PNG),
	FILE_ROW("bytes between chunks", PNG, SIGNATURE IHDR "PK\3\4" IDAT IEND),
	FILE_ROW("an archive behind a video", WEBM, WEBM "PK\3\4"),
	FILE_ROW("an element behind a video", WEBM, WEBM "\xec\x80"),
	FILE_ROW("an archive in a video", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER "PK\3\4"),
	FILE_ROW("a video in a video", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER HEADER),
	FILE_ROW(
	    "a segment in a segment", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER SEGMENT("\x80")),
	FILE_ROW("a file attached to a video", WEBM,
	    HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER "\x19\x41\xa4\x69\x82MZ"),
	/* Photos that are none. */
	FILE_ROW("an end without a scan", JPEG, SOI SOF0 EOI),
	FILE_ROW("an end at once", JPEG, SOI EOI),
	FILE_ROW("a scan without a frame", JPEG, SOI SOS SCAN EOI),
	FILE_ROW("a length of 0", JPEG, SOI "\xff\xe1\0\0" SOF0 SOS SCAN EOI),
	FILE_ROW("a length of 1", JPEG, SOI "\xff\xe1\0\1" SOF0 SOS SCAN EOI),
	FILE_ROW("a frame too short", JPEG, SOI "\xff\xc0\0\x07\x08\0\2\0\2" SOS SCAN EOI),
	FILE_ROW("a frame shorter than a size", JPEG,
	    SOI "\xff\xc0\0\x07\x08\0\2\0\2"
		"123456" SOS SCAN EOI),
	FILE_ROW("no lines", JPEG, SOI "\xff\xc0\0\x0b\x08\0\0\0\3\1\1\x11\0" SOS SCAN EOI),
	FILE_ROW("no columns", JPEG, SOI "\xff\xc0\0\x0b\x08\0\2\0\0\1\1\x11\0" SOS SCAN EOI),
	FILE_ROW("a second beginning", JPEG, SOI SOI SOF0 SOS SCAN EOI),
	FILE_ROW("a beginning in the scan", JPEG, SOI SOF0 SOS "x" SOI SOS SCAN EOI),
	FILE_ROW("a restart outside of a scan", JPEG, SOI "\xff\xd0" SOF0 SOS SCAN EOI),
	FILE_ROW("a stuffed byte outside of a scan", JPEG, SOI "\xff\0" SOF0 SOS SCAN EOI),
	FILE_ROW("a reserved marker", JPEG, SOI "\xff\1" SOF0 SOS SCAN EOI),
	FILE_ROW("a reserved marker in the scan", JPEG, SOI SOF0 SOS "x\xff\x02" SCAN EOI),
	FILE_ROW("a segment over the end", JPEG, SOI SOF0 "\xff\xe1\xff\xff" SOS SCAN EOI),
	/* Pictures that are none. */
	FILE_ROW("a header of 12 bytes", PNG,
	    SIGNATURE "\0\0\0\x0cIHDR\0\0\0\1\0\0\0\2\x08\0\0\0" CRC IDAT IEND),
	FILE_ROW(
	    "no width", PNG, SIGNATURE "\0\0\0\x0dIHDR\0\0\0\0\0\0\0\2\x08\0\0\0\0" CRC IDAT IEND),
	FILE_ROW(
	    "no height", PNG, SIGNATURE "\0\0\0\x0dIHDR\0\0\0\1\0\0\0\0\x08\0\0\0\0" CRC IDAT IEND),
	FILE_ROW("no content", PNG, SIGNATURE IHDR IEND),
	FILE_ROW("an end with content", PNG, SIGNATURE IHDR IDAT "\0\0\0\1IENDx" CRC),
	FILE_ROW("two headers", PNG, SIGNATURE IHDR IHDR IDAT IEND),
	FILE_ROW("a type of other letters", PNG, SIGNATURE IHDR IDAT "\0\0\0\0te1t" CRC IEND),
	FILE_ROW("a type of brackets", PNG, SIGNATURE IHDR IDAT "\0\0\0\0te[t" CRC IEND),
	FILE_ROW("a length of 2 GiB", PNG, SIGNATURE IHDR IDAT "\x80\0\0\0tEXt" CRC IEND),
	FILE_ROW("a length of 4 GiB", PNG, SIGNATURE IHDR IDAT "\xff\xff\xff\xfftEXt" CRC IEND),
	FILE_ROW("a length over the end", PNG, SIGNATURE IHDR "\x7f\xff\xff\xffIDATxy" CRC IEND),
	/* Videos that are none. */
	FILE_ROW("any Matroska", WEBM,
	    "\x1a\x45\xdf\xa3\x8b\x42\x86\x81\1\x42\x82\x84mkv4" SEGMENT("\x91") TRACKS CLUSTER),
	FILE_ROW("an empty header", WEBM, "\x1a\x45\xdf\xa3\x80" SEGMENT("\x91") TRACKS CLUSTER),
	FILE_ROW("a header of an unknown size", WEBM,
	    "\x1a\x45\xdf\xa3" UNKNOWN DOCTYPE SEGMENT(UNKNOWN) TRACKS CLUSTER),
	FILE_ROW("a header's size that is none", WEBM,
	    "\x1a\x45\xdf\xa3\0" DOCTYPE SEGMENT(UNKNOWN) TRACKS CLUSTER),
	FILE_ROW("a header's huge size", WEBM,
	    "\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" DOCTYPE SEGMENT(UNKNOWN)
		TRACKS CLUSTER),
	FILE_ROW("a header alone", WEBM, HEADER),
	FILE_ROW("no segment", WEBM, HEADER TRACKS CLUSTER),
	FILE_ROW(
	    "something before the segment", WEBM, HEADER "\xec\x80" SEGMENT("\x91") TRACKS CLUSTER),
	FILE_ROW("an empty segment", WEBM, HEADER SEGMENT("\x80")),
	FILE_ROW("a segment longer than it says", WEBM, HEADER SEGMENT("\x90") TRACKS CLUSTER),
	FILE_ROW("a segment shorter than it says", WEBM, HEADER SEGMENT("\x92") TRACKS CLUSTER),
	FILE_ROW("a head over the segment's end", WEBM,
	    HEADER SEGMENT("\x92") TRACKS CLUSTER "\xec\x80"),
	FILE_ROW("no tracks", WEBM, HEADER SEGMENT(UNKNOWN) CLUSTER),
	FILE_ROW("no cluster", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS),
	FILE_ROW("tracks of an unknown size", WEBM,
	    HEADER SEGMENT(UNKNOWN) "\x16\x54\xae\x6b" UNKNOWN CLUSTER),
	FILE_ROW("an id that is none", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER "\x08\x80"),
	FILE_ROW("a size that is none", WEBM, HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER "\xec\0"),
	FILE_ROW("a huge size", WEBM,
	    HEADER SEGMENT(UNKNOWN) TRACKS CLUSTER "\xec\x01\xff\xff\xff\xff\xff\xff\xfe"),
};

/* ---- looking -------------------------------------------------------------------------------------- */

/* In pieces of so many bytes; each in memory of its own, so that a sanitizer sees one byte too far. */
static enum err look_at(
    enum media_kind kind, const char *bytes, size_t len, size_t piece, struct media_look *look)
{
	enum err err = ERR_OK;

	*look = (struct media_look){ .kind = kind };
	for (size_t at = 0; at < len && err == ERR_OK; at += piece) {
		size_t part = len - at < piece ? len - at : piece;
		void *copy = malloc(part);
		assert_non_null(copy);
		memcpy(copy, bytes + at, part);
		err = media_look(look, copy, part);
		free(copy);
	}
	return err == ERR_OK ? media_look_end(look) : err;
}

static void expect(const struct file *file, enum media_kind kind, size_t len, enum err expected)
{
	for (size_t piece = 1; piece <= 17; piece++) {
		struct media_look look;
		enum err err =
		    look_at(kind, file->bytes, len, piece == 17 ? len + 1 : piece, &look);
		if (err != expected)
			fail_msg("%s, as %s, %zu of %zu bytes in pieces of %zu: %d", file->name,
			    media_kind_type(kind), len, file->len, piece, err);
	}
}

static void test_whole(void **state UNUSED)
{
	for (size_t i = 0; i < countof(whole); i++)
		expect(&whole[i], whole[i].kind, whole[i].len, ERR_OK);
}

static void test_unfit(void **state UNUSED)
{
	for (size_t i = 0; i < countof(unfit); i++)
		expect(&unfit[i], unfit[i].kind, unfit[i].len, ERR_MEDIA_UNFIT);
}

/* A video of no announced length is whole wherever an element ends, once it has a cluster. */
static bool may_end(const struct file *file, size_t len)
{
	static const char cluster[] = "\x1f\x43\xb6\x75";
	bool has_cluster = false;

	if (file->kind != MEDIA_WEBM ||
	    memcmp(file->bytes + sizeof(HEADER) - 1, SEGMENT(UNKNOWN), 12) != 0)
		return false;
	for (size_t at = 0; at + 12 <= len; at++)
		has_cluster = has_cluster || memcmp(file->bytes + at, cluster, 4) == 0;
	return has_cluster;
}

static void test_cut(void **state UNUSED)
{
	size_t ends = 0;

	for (size_t i = 0; i < countof(whole); i++) {
		for (size_t len = 0; len < whole[i].len; len++) {
			struct media_look look;
			if (!may_end(&whole[i], len))
				expect(&whole[i], whole[i].kind, len, ERR_MEDIA_UNFIT);
			else
				ends +=
				    look_at(whole[i].kind, whole[i].bytes, len, 1, &look) == ERR_OK;
		}
	}
	/* Behind the cluster's head, its time, and its block; and the second's alike, but for its end. */
	assert_int_equal(ends, 5);
}

/* Not a byte, whichever, may follow what says where it ends. */
static void test_one_byte_more(void **state UNUSED)
{
	for (size_t i = 0; i < countof(whole); i++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char bytes[256];
			struct file longer = whole[i];
			memcpy(bytes, whole[i].bytes, whole[i].len);
			bytes[longer.len++] = (char)byte;
			longer.bytes = bytes;
			expect(&longer, longer.kind, longer.len, ERR_MEDIA_UNFIT);
		}
	}
}

static void test_another_type(void **state UNUSED)
{
	for (size_t i = 0; i < countof(whole); i++) {
		for (int kind = 0; kind < MEDIA__MAX; kind++) {
			if (whole[i].kind != (enum media_kind)kind)
				expect(&whole[i], (enum media_kind)kind, whole[i].len,
				    ERR_MEDIA_UNFIT);
		}
	}
}

/* Each bit of what a file begins with counts. */
static void test_beginnings(void **state UNUSED)
{
	static const size_t lengths[MEDIA__MAX] = {
		[MEDIA_JPEG] = 2, [MEDIA_PNG] = 16, [MEDIA_WEBM] = 4
	};

	for (size_t i = 0; i < countof(whole); i++) {
		for (size_t bit = 0; bit < 8 * lengths[whole[i].kind]; bit++) {
			char bytes[256];
			struct file file = whole[i];
			memcpy(bytes, whole[i].bytes, whole[i].len);
			bytes[bit / 8] = (char)((unsigned char)bytes[bit / 8] ^ 1u << bit % 8);
			file.bytes = bytes;
			expect(&file, file.kind, file.len, ERR_MEDIA_UNFIT);
		}
	}
}

/* What cannot become anything is refused with the byte that says so, and nothing behind it is looked at. */
static void test_at_once(void **state UNUSED)
{
	static const struct file rows[] = {
		FILE_ROW("another beginning", JPEG, "GI"),
		FILE_ROW("a length of 0", JPEG, SOI "\xff\xe1\0\0"),
		FILE_ROW("another beginning", PNG, "GIF89a.................."),
		FILE_ROW("a length of 2 GiB", PNG, SIGNATURE IHDR "\x80\0\0\0IDAT"),
		FILE_ROW("another beginning", WEBM, "RIFF\x80"),
		FILE_ROW("an empty header", WEBM, "\x1a\x45\xdf\xa3\x80"),
		FILE_ROW("a header of an unknown size", WEBM, "\x1a\x45\xdf\xa3" UNKNOWN),
		FILE_ROW("a long header", WEBM, "\x1a\x45\xdf\xa3\xbd"),
		FILE_ROW("tracks of an unknown size", WEBM,
		    HEADER SEGMENT(UNKNOWN) "\x16\x54\xae\x6b" UNKNOWN),
		FILE_ROW(
		    "tracks larger than all", WEBM, HEADER SEGMENT("\x90") "\x16\x54\xae\x6b\x8c"),
		FILE_ROW("a head over the end", WEBM, HEADER SEGMENT("\x81") "\xec\x80"),
		FILE_ROW("a file attached", WEBM, HEADER SEGMENT(UNKNOWN) "\x19\x41\xa4\x69\x80"),
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct media_look look = { .kind = rows[i].kind };
		if (media_look(&look, rows[i].bytes, rows[i].len - 1) != ERR_OK)
			fail_msg("%s, too early", rows[i].name);
		if (media_look(&look, rows[i].bytes + rows[i].len - 1, 1) != ERR_MEDIA_UNFIT)
			fail_msg("%s, not at once", rows[i].name);
	}
}

/* What is long is skipped, and costs no memory: a chunk of the largest upload, and one of 2 GiB less one
 * that never comes. */
static void test_long_chunks(void **state UNUSED)
{
	static const char head[] = SIGNATURE IHDR "\0\xf0\0\0IDAT";
	static char filler[65536];
	struct media_look look = { .kind = MEDIA_PNG };

	assert_int_equal(media_look(&look, head, sizeof(head) - 1), ERR_OK);
	for (int i = 0; i < 240; i++)
		assert_int_equal(media_look(&look, filler, sizeof(filler)), ERR_OK);
	assert_int_equal(media_look_end(&look), ERR_MEDIA_UNFIT);
	assert_int_equal(media_look(&look, CRC IEND, sizeof(CRC IEND) - 1), ERR_OK);
	assert_int_equal(media_look_end(&look), ERR_OK);
}

static void test_names(void **state UNUSED)
{
	static const char *const others[] = { "", ";", "image", "image/", "image/jpg",
		"image/jpegs", " image/jpeg", "image/png,image/jpeg", "video/webm\n",
		"video/webm/x", "video/webmvideo/webmvideo/webm" };
	static const char *const again[] = { "IMAGE/Png", "image/png;", "image/png \t; x=\"a;b\"",
		"image/png;codecs=vp8,opus" };
	enum media_kind kind = MEDIA__MAX;

	for (int i = 0; i < MEDIA__MAX; i++) {
		assert_int_equal(
		    media_kind_parse(media_kind_type((enum media_kind)i), &kind), ERR_OK);
		assert_int_equal(kind, i);
	}
	for (size_t i = 0; i < countof(again); i++) {
		kind = MEDIA__MAX;
		assert_int_equal(media_kind_parse(again[i], &kind), ERR_OK);
		assert_int_equal(kind, MEDIA_PNG);
	}
	for (size_t i = 0; i < countof(others); i++)
		assert_int_equal(media_kind_parse(others[i], &kind), ERR_UNSUPPORTED_MEDIA_TYPE);
	assert_int_equal(kind, MEDIA_PNG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_one_byte_more),
		cmocka_unit_test(test_another_type),
		cmocka_unit_test(test_beginnings),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_long_chunks),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("media_type", tests, NULL, NULL);
}
