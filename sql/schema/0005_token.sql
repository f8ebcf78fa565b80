-- SPDX-License-Identifier: Apache-2.0
-- 0005: tokens: what an organisation has left, every change of it, and what each event cost.
--
-- The balance is a row of its own, because every paid request of an organisation locks it: last, and
-- for no longer than the statements behind it take. `number` counts the changes under that lock, so
-- each entry's balance is the one before it plus its own delta, and the sum of the deltas is the
-- balance. An organisation without a row has nothing.

CREATE TABLE token_balance (
  organization_id BINARY(16)  NOT NULL,
  balance         BIGINT      NOT NULL,
  entries         BIGINT      NOT NULL COMMENT 'number of the last entry',
  last_id         BINARY(16)  NOT NULL COMMENT 'id of the last entry: tells a change that found the row from one that did not',
  updated_at      DATETIME(3) NOT NULL,
  PRIMARY KEY (organization_id),
  CONSTRAINT token_balance_org FOREIGN KEY (organization_id) REFERENCES organization (id),
  CONSTRAINT token_balance_floor CHECK (balance >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='what an organisation can spend';

CREATE TABLE token_entry (
  organization_id BINARY(16)   NOT NULL,
  number          BIGINT       NOT NULL COMMENT '1, 2, ... without a gap, in the order of the changes',
  id              BINARY(16)   NOT NULL,
  application_id  BINARY(16)   NULL COMMENT 'who spent; NULL for what an operator did',
  kind            VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def TOKEN',
  subject_id      BINARY(16)   NULL COMMENT 'the verification or session it was for',
  delta           BIGINT       NOT NULL COMMENT 'negative: spent',
  balance         BIGINT       NOT NULL COMMENT 'after it',
  key_id          BINARY(16)   NULL COMMENT 'the API key that spent; NULL: an operator or the batch',
  note            VARCHAR(200) NULL COMMENT 'the operator''s words; nothing personal',
  created_at      DATETIME(3)  NOT NULL,
  PRIMARY KEY (organization_id, number),
  KEY token_entry_time (organization_id, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='every change of a balance';

ALTER TABLE usage_event ADD tokens BIGINT NOT NULL DEFAULT 0 COMMENT 'what it cost';

-- A score that is asked for with its verification is paid then and computed when it is decided.
ALTER TABLE verification ADD score_tokens BIGINT NOT NULL DEFAULT 0 COMMENT 'paid for a score to come';
