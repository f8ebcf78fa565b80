/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h owns media on their way through a worker: a body that comes in piece by piece
 * (web_read_body()) or goes out so. It takes as long as the other side takes, so it has to keep moving:
 * a piece every upload_stall_s, and upload_min_bytes_s on average. While it does, the pool lets it be,
 * past request_timeout_s too. It also owns how many workers may be busy with what (web_sit()).
 */
#ifndef BONAFIDE_STREAM_H
#define BONAFIDE_STREAM_H

#include "base.h"
#include "web.h"

/* Sends an answer whose body web->pour hands on. When that fails before its first piece, an error is
 * answered instead. Later it ends early: its length has been said, so whoever asked sees that it is not
 * all. ERR_IO: the client is gone. */
enum err stream_pour(struct web *web, struct fcgi *fcgi) MUST_CHECK;

#endif
