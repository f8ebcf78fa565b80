-- SPDX-License-Identifier: Apache-2.0
-- 0011: verification sessions, the attempts in them, and workflows.
--
-- One row per session, whichever family made it. What is open (pending or submitted) has open_until,
-- its end of time; what is terminal has none, so that whoever looks for overdue sessions never meets
-- history. A running attempt belongs to one verification, which the provider's queue decides.

CREATE TABLE workflow (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  environment    VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of the key that made it',
  name           VARCHAR(255) NOT NULL,
  status         VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def WORKFLOW',
  steps          VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a JSON array of {id, config}, in order',
  created_at     DATETIME(3)  NOT NULL,
  updated_at     DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  KEY workflow_page (application_id, id),
  CONSTRAINT workflow_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what a session asks for; never changed once made';

CREATE TABLE session (
  id              BINARY(16)   NOT NULL,
  application_id  BINARY(16)   NOT NULL,
  environment     VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ENV',
  family          VARCHAR(8)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def VIA: which API made it',
  status          VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def SESSION',
  phase           VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def PHASE: status as the session family shows it',
  share_fields    TEXT         NOT NULL COMMENT 'the normalised share contract, a JSON object',
  redirect_url    VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NULL,
  external_id     VARCHAR(128) NULL COMMENT 'the customer''s own name for it',
  language        CHAR(2)      CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'of page and mails; NULL: the person''s own',
  workflow_id     BINARY(16)   NULL,
  steps           VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def STEP, one space between',
  minimum_age     SMALLINT     NULL COMMENT 'of the document check',
  cancel_hash     BINARY(32)   NULL COMMENT 'HMAC-SHA256 under the pepper; the token itself is never stored',
  page_hash       BINARY(32)   NULL COMMENT 'the same of the hosted page''s own token: one at a time',
  page_until      DATETIME(3)  NULL COMMENT 'until when that token works',
  sealed          VARBINARY(8192) NULL COMMENT 'the person as the customer sent it: AES-256-GCM, key id in front; NULL: none, or erased',
  seal_key        INT UNSIGNED NULL COMMENT 'key id of sealed, so that a rotation finds the rest',
  invite_email    VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def INVITE',
  invite_phone    VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def INVITE',
  attempt_count   SMALLINT     NOT NULL DEFAULT 0,
  failed_count    SMALLINT     NOT NULL DEFAULT 0 COMMENT 'failed attempts that count: the third ends the session',
  expires_at      DATETIME(3)  NOT NULL,
  open_until      DATETIME(3)  NULL COMMENT 'expires_at while it is open; NULL once it is terminal',
  started_at      DATETIME(3)  NULL COMMENT 'when its page was first opened',
  submitted_at    DATETIME(3)  NULL COMMENT 'when the person last submitted',
  completed_at    DATETIME(3)  NULL COMMENT 'when it became terminal',
  created_at      DATETIME(3)  NOT NULL,
  updated_at      DATETIME(3)  NOT NULL,
  PRIMARY KEY (id),
  KEY session_page (application_id, id),
  KEY session_env (application_id, environment, id),
  KEY session_phase (application_id, phase, id),
  KEY session_phase_env (application_id, phase, environment, id),
  KEY session_external (application_id, external_id, id),
  KEY session_workflow (application_id, workflow_id, id),
  KEY session_open (open_until, id),
  KEY session_open_app (application_id, open_until),
  KEY session_seal (seal_key, id),
  CONSTRAINT session_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='a hosted verification of one person';

CREATE TABLE session_attempt (
  id              BINARY(16)  NOT NULL,
  application_id  BINARY(16)  NOT NULL,
  environment     VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  session_id      BINARY(16)  NOT NULL,
  verification_id BINARY(16)  NOT NULL COMMENT 'what was submitted, in the provider''s queue',
  nonce           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the page''s name for it: submitted twice, it is one',
  status          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def TRY',
  failure_code    VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def FAILURE',
  risk_percent    SMALLINT    NOT NULL COMMENT '0 to 100',
  selected        VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'claims consented to, one space between',
  completed_at    DATETIME(3) NULL,
  created_at      DATETIME(3) NOT NULL,
  updated_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY session_attempt_nonce (session_id, nonce),
  UNIQUE KEY session_attempt_verification (verification_id),
  KEY session_attempt_page (application_id, session_id, id),
  KEY session_attempt_status (application_id, status, id),
  KEY session_attempt_status_env (application_id, status, environment, id),
  CONSTRAINT session_attempt_session FOREIGN KEY (session_id) REFERENCES session (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one submission of the person';

-- How many sessions of a day are in each status: spread over slots as `counter` is, which has the
-- totals of all days.
CREATE TABLE session_day (
  application_id BINARY(16)  NOT NULL,
  day            CHAR(10)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'YYYY-MM-DD, UTC, on which they were made',
  environment    VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def SESSION',
  slot           SMALLINT UNSIGNED NOT NULL,
  n              BIGINT      NOT NULL,
  PRIMARY KEY (application_id, day, environment, status, slot)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
