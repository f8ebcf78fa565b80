// SPDX-License-Identifier: Apache-2.0
// verify.js: judges signed webhooks with the npm package standardwebhooks, and their v1a
// signatures with node:crypto (the package has none). Reads webhook_maker's lines, writes one
// JSON object with the count of each judgement; "refused" has the first few refusals.
"use strict";
const crypto = require("node:crypto");
const readline = require("node:readline");
const { Webhook } = require("standardwebhooks");

const SPKI = Buffer.from("302a300506032b6570032100", "hex"); // RFC 8410
const counts = { messages: 0, current: 0, previous: 0, v1a: 0, tampered: 0, refused: [] };

function headersOf(line) {
  return { "webhook-id": line.id, "webhook-timestamp": line.timestamp,
           "webhook-signature": line.signature };
}

function fits(secret, body, headers) {
  new Webhook(secret).verify(body, headers, { jsonParse: false });
}

// A body with one more byte must be refused by the same secret.
function tamperedIsRefused(secret, body, headers) {
  try {
    fits(secret, Buffer.concat([body, Buffer.from(" ")]), headers);
  } catch (problem) {
    return problem.message === "No matching signature found";
  }
  return false;
}

function fitsPublic(line, body) {
  const raw = Buffer.from(line.public.slice("whpk_".length), "base64");
  const key = crypto.createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
  const text = Buffer.concat([Buffer.from(`${line.id}.${line.timestamp}.`), body]);
  const given = line.signature.split(" ").filter((entry) => entry.startsWith("v1a,"));
  return given.length === 1 && crypto.verify(null, text, key, Buffer.from(given[0].slice(4), "base64"));
}

function judge(line) {
  const body = Buffer.from(line.body_base64, "base64");
  const headers = headersOf(line);
  fits(line.secret, body, headers);
  counts.current++;
  if (line.previous) {
    fits(line.previous, body, headers);
    counts.previous++;
  }
  if (line.public) {
    if (!fitsPublic(line, body)) throw new Error("v1a does not fit");
    counts.v1a++;
  }
  if (tamperedIsRefused(line.secret, body, headers)) counts.tampered++;
}

readline.createInterface({ input: process.stdin }).on("line", (text) => {
  const line = JSON.parse(text);
  counts.messages++;
  try {
    judge(line);
  } catch (problem) {
    if (counts.refused.length < 5) counts.refused.push(`${line.id}: ${problem.message}`);
  }
}).on("close", () => console.log(JSON.stringify(counts)));
