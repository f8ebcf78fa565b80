/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h owns every maximum in the program, one line each, so that a reviewer can read in one
 * minute what a stranger can make us hold. Sizes are bytes unless the name says otherwise.
 */
#ifndef BONAFIDE_LIMITS_H
#define BONAFIDE_LIMITS_H

/* Requests (contract/README.md). */
#define LIMIT_PATH 2048             /* request path with its query string */
#define LIMIT_QUERY_PARAMS 32       /* parameters in one query string */
#define LIMIT_PATH_PARAMS 4         /* {name} segments in one route */
#define LIMIT_JSON_DEPTH 16         /* nesting of a JSON body */
#define LIMIT_IDEMPOTENCY_KEY 255   /* characters of an Idempotency-Key */
#define LIMIT_REQUEST_ID 64         /* characters of an incoming X-Request-Id we keep */
#define LIMIT_COMPLAINTS 64         /* faults reported for one body */
#define LIMIT_CALLBACK_BODY 2097152 /* a provider's callback (contract/provider.md) */
#define LIMIT_API_KEY 128           /* characters of a credential */
#define LIMIT_HEADER 512            /* characters of a request header we read */
#define LIMIT_AUTHORIZATION 4608    /* the same of one with a credential: an access token is long */
#define LIMIT_REPLY 4194304         /* a JSON reply */
#define LIMIT_PAGE 100              /* rows of one page */
#define LIMIT_PAGE_DEFAULT 20

/* Fields (contract/kyc.md). */
#define LIMIT_ID_NUMBER 64
#define LIMIT_NAME 100
#define LIMIT_PHONE 20
#define LIMIT_EXTERNAL_REF 128
#define LIMIT_KEY_NAME 120
#define LIMIT_KEY_OVERLAP_S 604800        /* for which a replaced key works beside the new one */
#define LIMIT_KEY_OVERLAP_DEFAULT_S 86400 /* the same when nobody says how long */
#define LIMIT_ORG_NAME 120
#define LIMIT_AGE_YEARS 130
#define LIMIT_TOKENS INT64_C(1000000000000) /* of a balance, or added at once */
#define LIMIT_TOKEN_PRICE 1000000           /* tokens that one of a kind can cost */
#define LIMIT_TOKEN_NOTE 200
#define LIMIT_CURSOR 256
#define LIMIT_ACTOR_NAME 64    /* characters of an operator's login name */
#define LIMIT_AUDIT_DETAIL 255 /* characters of what an audit row says beside its columns */

/* People (contract/accounts.md). */
#define LIMIT_EMAIL 254                 /* RFC 5321 section 4.5.3.1.3, less the angle brackets */
#define LIMIT_PASSWORD 128              /* characters; each is up to four bytes */
#define LIMIT_MEMBERS 1000              /* of one organisation, with those invited */
#define LIMIT_APPLICATIONS 1000         /* of one organisation */
#define LIMIT_APPLICATIONS_TEXT 3145728 /* bytes that they say of themselves together: one answer */
#define LIMIT_APPLICATION_NAME 120
#define LIMIT_APPLICATION_TEXT 1000 /* its description */
#define LIMIT_REDIRECT_URIS 20      /* of one application */
#define LIMIT_REGISTRATIONS 3       /* of one address */
#define LIMIT_CODE_TRIES 5
#define LIMIT_REFRESH_TOKEN 64 /* characters of one that is looked up */

/* Rate limits (contract/README.md, Limits). */
#define LIMIT_RATE 1000000                /* requests in a window, or at once, that can be set */
#define LIMIT_DAILY_REQUESTS 100000000000 /* requests a day that can be set */
#define LIMIT_FORWARDED 512               /* characters of X-Forwarded-For, from its end */

/* Work (design section 5). */
#define LIMIT_CLAIM 1000             /* work rows claimed in one transaction */
#define LIMIT_IN_FLIGHT 2000         /* transfers under way in one batch process */
#define LIMIT_TX_RETRIES 3           /* whole-transaction retries after a deadlock */
#define LIMIT_SUBMIT_TRIES 12        /* paid look-ups for one verification */
#define LIMIT_BACKOFF_FIRST_MS 5000  /* first wait after a provider was unavailable */
#define LIMIT_BACKOFF_MAX_MS 900000  /* longest such wait */
#define LIMIT_PROVIDER_REPLY 4194304 /* bytes read of a provider's answer (smile.md part C) */
#define LIMIT_PROVIDER_REQUEST 65536
#define LIMIT_URL 2048

/* Accounts (contract/accounts.md). */
#define LIMIT_PWHASH_MEMORY_KIB 1048576 /* that one password hash may take, whatever it says */
#define LIMIT_PWHASH_PASSES 32
#define LIMIT_PWHASH_LANES 16
#define LIMIT_JWS 4096 /* characters of a signed token */
#define LIMIT_JWS_HEADER 512
#define LIMIT_JWS_PAYLOAD 2048
#define LIMIT_JWS_KEY_ID 64 /* characters of a kid */
#define LIMIT_JWK 4096      /* an RSA key as JWK, with its private members */
#define LIMIT_JWT_KEYS 32   /* signing keys that are published at once */

/* Webhooks (contract/webhooks.md). */
#define LIMIT_ENDPOINTS 50     /* of one application */
#define LIMIT_ENDPOINT_KEYS 50 /* of one endpoint */
#define LIMIT_DESCRIPTION 500
#define LIMIT_EVENT_BODY 20000       /* bytes of an event as it is sent */
#define LIMIT_WEBHOOK_BODY 131072    /* bytes of what is signed or checked */
#define LIMIT_WEBHOOK_WORD 128       /* characters of an id or an event's name in a header */
#define LIMIT_WEBHOOK_SIGNATURE 4096 /* characters of a webhook-signature header */
#define LIMIT_JWK_N 8192             /* characters of a modulus in a JWK (reference/kayle.md) */
#define LIMIT_JWK_E 64               /* characters of its other members */
#define LIMIT_JWK_KEY_OPS 8
#define LIMIT_JWE_PLAIN 65536 /* bytes that are encrypted at once */
#define LIMIT_JWE_KEY_ID 128
#define LIMIT_DELIVERY_EXCERPT 16384 /* bytes of a receiver's answer that are read and kept */
#define LIMIT_DELIVERY_ATTEMPTS 32   /* steps of a schedule */
#define LIMIT_RETRY_AFTER_S 86400    /* the longest a receiver can make us wait */
#define LIMIT_TASK_PIECE 500         /* deliveries that a task sees to in one transaction */
#define LIMIT_LANES 10000            /* lanes with something due that one claim looks at */

/* Sessions (contract/sessions.md). */
#define LIMIT_SHARE_FIELDS 32     /* claims that one session can ask for */
#define LIMIT_SHARE_REASON 200    /* characters of why */
#define LIMIT_SHARE_TEXT 32768    /* a normalised share contract */
#define LIMIT_SESSION_PAGE 500    /* sessions of one page (plain family) */
#define LIMIT_SESSION_TTL_H 8760  /* the longest a session can be open */
#define LIMIT_SESSION_FAILURES 3  /* failed attempts, then the session has failed */
#define LIMIT_SESSION_ATTEMPTS 10 /* attempts of all sorts: each is a paid look-up */
#define LIMIT_SESSION_NONCE 64    /* characters of the page's name for an attempt */
#define LIMIT_SESSION_EXPIRE 100  /* overdue sessions that one list expires before it reads */
#define LIMIT_WORKFLOWS 200       /* of one application */
#define LIMIT_WORKFLOW_NAME 255
#define LIMIT_WORKFLOW_STEPS 10

/* Media (contract/age.md). */
#define LIMIT_MEDIA 15728640    /* bytes of one upload */
#define LIMIT_MEDIA_WAIT_S 3600 /* for which an upload waits to be used */
#define LIMIT_MEDIA_LINK_S 3600 /* the longest a link to one works */

/* Age verifications (contract/age.md). */
#define LIMIT_AGE_EXTERNAL_ID 128
#define LIMIT_AGE_ATTEMPTS 1000   /* submissions of one person a day that can be set */
#define LIMIT_ESTIMATE_REPLY 4096 /* bytes read of an age estimator's answer */
#define LIMIT_ESTIMATOR_TOKEN 512 /* bytes of the bearer token, and its end */
#define LIMIT_ESTIMATE_TRIES 6    /* then a person looks at it */
#define LIMIT_RECORD_ALIASES 100  /* other names in one record */

/* Mail (contract/accounts.md). */
#define LIMIT_MAIL_VALUES 8        /* places that a mail fills in its text */
#define LIMIT_MAIL_VALUE 500       /* bytes of one */
#define LIMIT_MAIL_TEXT 16384      /* a file of text */
#define LIMIT_MAIL_MESSAGE 262144  /* bytes of a message as it is sent */
#define LIMIT_MAIL_WAIT_S 86400    /* after which a mail that could not be sent has failed */
#define LIMIT_MAIL_CONNECTIONS 100 /* mails under way in one batch process */

/* Processes (design section 6). */
#define LIMIT_WORKERS 512
#define LIMIT_COUNTER_SLOTS 64 /* rows a counter is spread over */
#define LIMIT_KEY_CACHE 256    /* keys one worker remembers */
#define LIMIT_LOG_LINE 4096
#define LIMIT_ID_TYPES 1024          /* rows of the catalogue */
#define LIMIT_CATALOGUE_FILE 1048576 /* a catalogue file */
#define LIMIT_PATTERN 256
#define LIMIT_SETTING 1024            /* characters of a setting's value */
#define LIMIT_MIGRATION 1048576       /* a migration file */
#define LIMIT_SEAL_KEYS 64            /* keys in the master key file */
#define LIMIT_SEALED 65536            /* sealed personal data of one row */
#define LIMIT_COMMAND_MEMORY 67108864 /* what one operator's command may hold */
#define LIMIT_DB_PARAMS 24            /* parameters of one statement */
#define LIMIT_DB_COLUMNS 32           /* columns of one statement */
#define LIMIT_DB_TEXT 1048576         /* one text or binary value read from the database */
#define LIMIT_DB_ROWS 10000           /* rows one statement may return */

#endif
