-- SPDX-License-Identifier: Apache-2.0
-- 0007: mails, written with their row in the queue in the transaction that causes them.
--
-- To whom a mail goes and what is filled into its text is sealed, and gone as soon as it is sent. One
-- that has failed keeps it until it is removed, so that an operator can have it tried again.

CREATE TABLE mail (
  id              BINARY(16)  NOT NULL,
  template        VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def MAIL',
  language        VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status          VARCHAR(8)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def MAILSTATUS',
  content         VARBINARY(16384) NULL COMMENT 'sealed JSON: the recipient and the values; NULL once it is sent',
  seal_key        INT UNSIGNED NULL COMMENT 'key id of content',
  attempts        INT         NOT NULL COMMENT 'to send it, since it was written',
  last_error      VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'state.def MAILERROR',
  last_code       SMALLINT    NULL COMMENT 'the server''s reply then; its words may hold an address and are not kept',
  last_attempt_at DATETIME(3) NULL,
  created_at      DATETIME(3) NOT NULL,
  expires_at      DATETIME(3) NOT NULL COMMENT 'not sent by then, it has failed',
  finished_at     DATETIME(3) NULL COMMENT 'sent or failed',
  PRIMARY KEY (id),
  KEY mail_status (status, id),
  KEY mail_finished (finished_at),
  KEY mail_seal (seal_key, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT='mails, and what became of them';
