-- SPDX-License-Identifier: Apache-2.0
-- 0001: tenants, keys, verifications, the work queue, usage, counters, idempotency, catalogue.
--
-- Written for MariaDB 10.6+ and MySQL 8. Ids are UUIDv7 in BINARY(16), so primary keys are in
-- order of time; 'ascii' columns hold words and codes; times are UTC. No AUTO_INCREMENT, no
-- foreign key cascades: rows are removed by the statements that say so.

CREATE TABLE organization (
  id          BINARY(16)   NOT NULL,
  name        VARCHAR(120) NOT NULL,
  status      VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ORG',
  created_at  DATETIME(3)  NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a customer';

CREATE TABLE application (
  id              BINARY(16)   NOT NULL,
  organization_id BINARY(16)   NOT NULL,
  name            VARCHAR(120) NOT NULL,
  created_at      DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  KEY application_by_org (organization_id, id),
  CONSTRAINT application_org FOREIGN KEY (organization_id) REFERENCES organization (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='the tenant: everything a customer owns carries its id';

CREATE TABLE api_key (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  kind           VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'key kind table: server, ...',
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ENVIRONMENT',
  name           VARCHAR(120) NOT NULL,
  prefix         VARCHAR(24)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'shown to people',
  last4          CHAR(4)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'shown to people',
  hash           BINARY(32)   NOT NULL COMMENT 'HMAC-SHA256 under the pepper; the key itself is never stored',
  scopes         VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'scope words, one space between',
  created_at     DATETIME(3)  NOT NULL,
  expires_at     DATETIME(3)  NULL,
  revoked_at     DATETIME(3)  NULL,
  last_used_at   DATETIME(3)  NULL COMMENT 'up to a minute behind',
  PRIMARY KEY (id),
  UNIQUE KEY api_key_hash (hash),
  KEY api_key_by_app (application_id, id),
  CONSTRAINT api_key_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='credentials of programs';

CREATE TABLE verification (
  id              BINARY(16)   NOT NULL,
  application_id  BINARY(16)   NOT NULL,
  environment     VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind            VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'kyc, session, age',
  status          VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def VERIFICATION',
  reason          VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'why declined or error, a word of reason.def',
  country         CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id_type         VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  provider        VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'driver name',
  external_ref    VARCHAR(128) NULL COMMENT 'the customer''s own name for it',
  score_requested TINYINT(1)   NOT NULL,
  score           SMALLINT     NULL COMMENT '0 to 1000',
  match_name      SMALLINT     NULL COMMENT 'percent, how well the names matched',
  match_dob       VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def MATCH',
  age_band        VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'for the score, survives erasure',
  id_number_index BINARY(32)   NULL COMMENT 'keyed blind index of country, type and number',
  sealed          VARBINARY(8192) NULL COMMENT 'the applicant: AES-256-GCM, key id in front; NULL once erased',
  seal_key        INT UNSIGNED NULL COMMENT 'key id of sealed, so that a rotation finds the rest',
  request_id      VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at      DATETIME(3)  NOT NULL,
  completed_at    DATETIME(3)  NULL,
  erased_at       DATETIME(3)  NULL,
  PRIMARY KEY (id),
  KEY verification_page (application_id, id),
  KEY verification_env (application_id, environment, id),
  KEY verification_status (application_id, status, id),
  KEY verification_status_env (application_id, status, environment, id),
  KEY verification_ref (application_id, external_ref, id),
  KEY verification_seal (seal_key, id),
  CONSTRAINT verification_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one question about one person';

CREATE TABLE provider_job (
  verification_id BINARY(16)  NOT NULL,
  try             SMALLINT    NOT NULL COMMENT '1, 2, ...: a new try only after the provider said the last one found nothing out',
  job_id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'derived from verification and try',
  driver          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  state           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def JOB',
  provider_ref    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  provider_code   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'last code the provider gave',
  first_sent_at   DATETIME(3) NULL COMMENT 'written before the first byte goes out',
  updated_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (verification_id, try),
  UNIQUE KEY provider_job_id (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one paid look-up at a provider';

CREATE TABLE provider_callback (
  id            BINARY(16)  NOT NULL,
  driver        VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  job_id        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'as the caller said; NULL when it said none',
  provider_code VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
  verdict       VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def CALLBACK: what we made of it',
  received_at   DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY provider_callback_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what providers told us unasked; a hint to poll, never a decision';

CREATE TABLE score (
  verification_id BINARY(16)   NOT NULL,
  application_id  BINARY(16)   NOT NULL,
  id              BINARY(16)   NOT NULL,
  score           SMALLINT     NOT NULL COMMENT '0 to 1000',
  band            VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def BAND',
  confidence      SMALLINT     NOT NULL COMMENT 'percent',
  model_version   VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  features        VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'words, one space between',
  flags           VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'words, one space between',
  computed_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (verification_id),
  KEY score_app (application_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE usage_event (
  id              BINARY(16)  NOT NULL,
  application_id  BINARY(16)  NOT NULL,
  environment     VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  event_type      VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def USAGE',
  verification_id BINARY(16)  NULL,
  created_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY usage_page (application_id, id),
  KEY usage_env (application_id, environment, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what is billed';

-- Exact totals without counting rows (design section 5): each writer adds to a row of its own
-- (slot), a reader sums the slots.
CREATE TABLE counter (
  application_id BINARY(16)  NOT NULL,
  name           VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'verification, usage',
  environment    VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'empty where the noun has none',
  slot           SMALLINT UNSIGNED NOT NULL,
  n              BIGINT      NOT NULL,
  PRIMARY KEY (application_id, name, environment, status, slot)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The work queue (design section 5). A claim sets due_at to the end of the lease, so the due
-- scan passes leased rows by and meets them again by itself when a process died.
CREATE TABLE work (
  id          BINARY(16)  NOT NULL,
  kind        VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def WORK',
  subject_id  BINARY(16)  NOT NULL,
  lane        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'provider driver or endpoint',
  due_at      DATETIME(3) NOT NULL,
  attempt     INT         NOT NULL COMMENT 'claims so far',
  failures    INT         NOT NULL COMMENT 'failures in a row, for the back-off',
  lease_owner BINARY(16)  NULL COMMENT 'the claim that holds it; settling needs the same',
  lease_until DATETIME(3) NULL,
  created_at  DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY work_subject (subject_id, kind),
  KEY work_due (kind, lane, due_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what is to be done; a row goes when it is done';

CREATE TABLE lane (
  name         VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  paused_until DATETIME(3)  NOT NULL,
  reason       VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='lanes that are stopped for a while';

CREATE TABLE idempotency (
  application_id BINARY(16)  NOT NULL,
  key_hash       BINARY(32)  NOT NULL COMMENT 'SHA-256 of the Idempotency-Key',
  request_hash   BINARY(32)  NOT NULL COMMENT 'SHA-256 of operation and body',
  status         SMALLINT    NOT NULL COMMENT 'of the stored reply; 0 only inside the transaction that makes it',
  sealed_reply   VARBINARY(32768) NULL COMMENT 'a reply can hold a secret shown once, so it is sealed',
  created_at     DATETIME(3) NOT NULL,
  expires_at     DATETIME(3) NOT NULL,
  PRIMARY KEY (application_id, key_hash),
  KEY idempotency_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE id_type (
  country          CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  id_type          VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'our public name',
  pattern          VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'PCRE2, matched whole',
  provider         VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  provider_country VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  provider_type    VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  extra_fields     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'further required fields, one space between',
  score_weight     SMALLINT     NOT NULL COMMENT 'how much this kind of document says, 0 to 100',
  loaded_at        DATETIME(3)  NOT NULL,
  PRIMARY KEY (country, id_type)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='the catalogue: which documents can be asked about';
