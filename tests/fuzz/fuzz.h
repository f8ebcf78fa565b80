/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h is what each fuzzer has: the entry that libFuzzer calls (its own documentation's shape).
 * tools/fuzz runs them; a fuzzer's name is that of what a stranger can send us.
 */
#ifndef BONAFIDE_FUZZ_H
#define BONAFIDE_FUZZ_H

#include "base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a text that ends where it ends, freed by the caller. */
char *fuzz_text(const uint8_t *data, size_t size);

/* Ends the run loudly when what always holds does not. */
#define FUZZ_MUST(condition) \
	do { \
		if (!(condition)) \
			__builtin_trap(); \
	} while (0)

#endif
