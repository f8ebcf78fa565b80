-- SPDX-License-Identifier: Apache-2.0
-- 0002: events, the endpoints that are told of them, deliveries with their attempts.
--
-- An event, one delivery per endpoint and its row in the queue are written in the transaction that
-- causes the event. What waits is in `work`; nothing here is ever scanned for what is due.

CREATE TABLE webhook_endpoint (
  id              BINARY(16)    NOT NULL,
  application_id  BINARY(16)    NOT NULL,
  surface         VARCHAR(8)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def SURFACE: whose shapes it was made with',
  environment     VARCHAR(8)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'sandbox: told of sandbox events only; live: of both',
  url             VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name            VARCHAR(120)  NULL,
  description     VARCHAR(500)  NULL,
  events          VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'event types, one space between',
  labels          VARCHAR(1400) NULL COMMENT 'as a JSON array',
  secret          VARBINARY(512) NOT NULL COMMENT 'sealed whsec_ text',
  secret_old      VARBINARY(512) NULL COMMENT 'sealed; signs beside the new one until secret_old_until',
  secret_old_until DATETIME(3)  NULL,
  signing_key     VARBINARY(512) NULL COMMENT 'sealed whsk_ text, for v1a',
  seal_key        INT UNSIGNED  NOT NULL COMMENT 'key id of the sealed columns',
  legacy_secret_header TINYINT(1) NOT NULL COMMENT 'also sends the bare secret, as one seed does',
  rate_per_s      INT           NULL COMMENT 'deliveries a second at most; NULL for no limit',
  disabled        VARCHAR(8)    CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'state.def DISABLED: why; NULL while enabled',
  disabled_at     DATETIME(3)   NULL,
  failing_since   DATETIME(3)   NULL COMMENT 'first failure with no success after it',
  created_at      DATETIME(3)   NOT NULL,
  updated_at      DATETIME(3)   NOT NULL,
  deleted_at      DATETIME(3)   NULL COMMENT 'gone for its owner; the batch removes the rest',
  PRIMARY KEY (id),
  KEY webhook_endpoint_page (application_id, id),
  KEY webhook_endpoint_seal (seal_key, id),
  CONSTRAINT webhook_endpoint_app FOREIGN KEY (application_id) REFERENCES application (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='where a customer wants to be told';

CREATE TABLE webhook_key (
  id             BINARY(16)   NOT NULL,
  application_id BINARY(16)   NOT NULL,
  endpoint_id    BINARY(16)   NOT NULL,
  key_id         VARCHAR(128) NOT NULL COMMENT 'kid of the JWE, as the customer calls it',
  jwk            VARCHAR(4096) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the public key, reduced to what it needs',
  active_of      BINARY(16)   NULL COMMENT 'the endpoint while active, else NULL: at most one is',
  created_at     DATETIME(3)  NOT NULL,
  updated_at     DATETIME(3)  NOT NULL,
  disabled_at    DATETIME(3)  NULL,
  PRIMARY KEY (id),
  UNIQUE KEY webhook_key_active (active_of),
  KEY webhook_key_page (application_id, endpoint_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='public keys that payloads are encrypted to';

CREATE TABLE event (
  id             BINARY(16)  NOT NULL,
  application_id BINARY(16)  NOT NULL,
  environment    VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  type           VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def EVENT',
  trigger_type   VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def TRIGGER: what trigger_id is',
  trigger_id     BINARY(16)  NOT NULL,
  body           VARBINARY(24576) NOT NULL COMMENT 'the JSON text as sent; sealed when it carries claims',
  seal_key       INT UNSIGNED NULL COMMENT 'key id when body is sealed',
  request_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  created_at     DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY event_page (application_id, id),
  KEY event_type (application_id, type, id),
  KEY event_seal (seal_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what happened';

CREATE TABLE delivery (
  id               BINARY(16)  NOT NULL,
  application_id   BINARY(16)  NOT NULL,
  event_id         BINARY(16)  NOT NULL,
  endpoint_id      BINARY(16)  NOT NULL,
  status           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def DELIVERY; "delivering" is a pending one whose work is leased',
  once             TINYINT(1)  NOT NULL COMMENT 'a test: one attempt, whatever state the endpoint is in',
  attempt_count    INT         NOT NULL COMMENT 'since it was queued, or queued again by hand',
  attempts_total   INT         NOT NULL COMMENT 'of its whole life: numbers the attempts',
  next_attempt_at  DATETIME(3) NULL COMMENT 'NULL when settled or held',
  last_status_code SMALLINT    NULL COMMENT 'NULL when no answer came',
  last_duration_ms INT         NULL,
  last_attempt_at  DATETIME(3) NULL,
  webhook_key_id   BINARY(16)  NULL COMMENT 'what payload is encrypted to',
  payload          VARBINARY(40960) NULL COMMENT 'the JWE: encrypted once, the same at every attempt; NULL: the event as it is',
  created_at       DATETIME(3) NOT NULL,
  updated_at       DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY delivery_event (event_id, endpoint_id),
  KEY delivery_page (application_id, id),
  KEY delivery_status (application_id, status, id),
  KEY delivery_endpoint (endpoint_id, status, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one event for one endpoint';

CREATE TABLE delivery_attempt (
  delivery_id  BINARY(16)  NOT NULL,
  number       INT         NOT NULL COMMENT '1, 2, ...',
  id           BINARY(16)  NOT NULL,
  endpoint_id  BINARY(16)  NOT NULL,
  started_at   DATETIME(3) NOT NULL,
  duration_ms  INT         NOT NULL,
  status_code  SMALLINT    NULL COMMENT 'NULL when no answer came',
  error        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def ATTEMPT',
  excerpt      VARBINARY(16384) NULL COMMENT 'the beginning of the answer, as it came',
  PRIMARY KEY (delivery_id, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='one try to deliver';

CREATE TABLE webhook_task (
  id             BINARY(16)  NOT NULL,
  kind           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def TASK',
  application_id BINARY(16)  NOT NULL,
  endpoint_id    BINARY(16)  NULL COMMENT 'NULL: all of the application',
  since          DATETIME(3) NULL,
  until          DATETIME(3) NULL,
  position       BINARY(16)  NULL COMMENT 'the last id that was seen to: a killed task goes on behind it',
  done           BIGINT      NOT NULL COMMENT 'deliveries queued, or rows removed',
  seen           BIGINT      NOT NULL,
  created_at     DATETIME(3) NOT NULL,
  finished_at    DATETIME(3) NULL,
  PRIMARY KEY (id),
  KEY webhook_task_page (application_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='long work on deliveries: release, recover, remove';

-- How many of a lane are leased just now: the cap on connections to one endpoint, over all hosts.
ALTER TABLE work ADD KEY work_leased (kind, lane, lease_until);

-- A lane may have a pace: after n rows were claimed it stands still for n/rate seconds.
ALTER TABLE lane ADD rate_per_s INT NULL COMMENT 'rows a second at most; NULL: no limit';
