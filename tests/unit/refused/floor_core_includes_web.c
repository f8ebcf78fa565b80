/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base sys core; refused: web.h: No such file|'web.h' file not found */
#include "web.h"
