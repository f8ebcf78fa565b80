/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys; refused: ctx.h: No such file|'ctx.h' file not found */
#include "ctx.h"
