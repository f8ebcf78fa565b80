/* SPDX-License-Identifier: Apache-2.0 */
/* ages.h owns what the tests of age verifications share: submitting, deciding, looking. */
#ifndef BONAFIDE_TEST_CORE_AGES_H
#define BONAFIDE_TEST_CORE_AGES_H

#include "age.h"
#include "age_review.h"
#include "base.h"
#include "fixture.h"
#include "media.h"

/* Bytes of the picture that is uploaded. */
#define AGES_PICTURE 67

/* Uploads what goes in that place, of the acting tenant. */
struct uuid ages_upload(enum age_upload upload);

/* As core_settings(), with a place for media. */
void ages_settings(const char *lines);

/* As core_close(), and the media go. */
void ages_close(void);

/* Media that were given up. */
int64_t ages_dropped(void);

/* cmocka's set-up: a tenant of its own for each test. */
int ages_set_up(void **state);

/* A document that the catalogue covers, of somebody who is of age. */
struct age_document ages_document(void);

/* A submission with everything that any level asks for. */
struct age_new ages_new(
    const char *person, enum age_level level, const struct age_document *document);

/* The same, submitted; it must succeed. */
struct age ages_submit(
    const char *person, enum age_level level, const struct age_document *document);

/* As the operator "rita": claims and decides. The actor is put back. */
void ages_review(struct uuid id, enum age_status status);

/* As an operator: what a reviewer sees. */
struct age_case ages_look(struct uuid id);

/* Acts as an operator of this name, or as a member of the acting tenant's organisation. */
void ages_act_operator(const char *name);
void ages_act_member(enum role role);

/* Decides a look-up as the batch would. */
void ages_decide(struct uuid id, struct decision decision);

/* Has the built-in provider decide the one look-up that waits. */
void ages_run_queue(void);

/* Rows of the acting tenant in a table; its events of a type. */
int64_t ages_count(const char *table);
int64_t ages_told(const char *type);

#endif
