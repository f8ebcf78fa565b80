/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_text.c: the small grammars: times, dates, ids, keys, scopes, names. What parses must be
 * written back as it was, where there is one way to write it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "key.h"
#include "names.h"
#include "scope.h"
#include "str.h"

static void try_ids(const char *text)
{
	char again[ID_TEXT_SIZE];
	struct uuid id;

	for (int kind = 0; kind < ID__MAX; kind++) {
		if (id_parse((enum id_kind)kind, text, &id) != ERR_OK)
			continue;
		id_text((enum id_kind)kind, id, again);
		FUZZ_MUST(strcmp(text, again) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	char bad[8];
	int64_t number = 0;
	uint64_t bits = 0;
	struct date date;
	bool is_date = false;

	try_ids(text);
	if (time_parse(text, &number, &is_date) == ERR_OK)
		FUZZ_MUST(number >= 0);
	if (date_parse(text, &date) == ERR_OK)
		FUZZ_MUST(strlen(text) == 10 && date.month >= 1 && date.month <= 12);
	if (scopes_parse(text, &bits, bad, sizeof(bad)) == ERR_OK)
		FUZZ_MUST((bits & ~SCOPE_ALL) == 0);
	(void)key_plausible(text);
	int64_t fits = names_match_percent(text, NULL, text, "Amara Diallo");
	FUZZ_MUST(fits >= 0 && fits <= 100);
	if (utf8_valid(text, strlen(text)))
		FUZZ_MUST(utf8_length(text) <= strlen(text));
	free(text);
	return 0;
}
