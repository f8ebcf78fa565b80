/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core jobs; refused: reply.h: No such file|'reply.h' file not found */
#include "reply.h"
