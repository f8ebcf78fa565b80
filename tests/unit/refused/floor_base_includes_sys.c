/* SPDX-License-Identifier: Apache-2.0 */
/* floors: base; refused: json.h: No such file|'json.h' file not found */
#include "json.h"
