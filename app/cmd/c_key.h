/* SPDX-License-Identifier: Apache-2.0 */
/* c_key.h owns what the commands about keys and applications share: showing a key that was just
 * made, and waiting until what was ended is ended everywhere. */
#ifndef BONAFIDE_C_KEY_H
#define BONAFIDE_C_KEY_H

#include "base.h"
#include "ctl.h"
#include "key.h"

/* Prints a key, and the one it is paired with, with the remark that it is shown this once. */
enum err key_print_made(struct ctl *ctl, const struct key_made *made) MUST_CHECK;

/* Waits until no worker of any host can believe that an ended key is in force: each may remember
 * it for key_lease_ms (design section 7). */
void key_wait_lease(struct ctl *ctl);

#endif
