/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h owns the pipeline between an accepted request and its answer; web.c calls it. */
#ifndef BONAFIDE_GATE_H
#define BONAFIDE_GATE_H

#include "base.h"
#include "web.h"

/* Settles the request id: the caller's when it is well-formed, else a new one. */
void gate_set_request_id(struct web *web);

/* Runs all steps and leaves a complete answer in web; web->failure says what refused it. */
void gate_run(struct web *web, body_fn *read_body, void *body_arg);

#endif
