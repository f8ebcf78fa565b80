// SPDX-License-Identifier: Apache-2.0
// store.js: an S3-compatible store by other hands, on a port of its own choice, which it prints. The
// bucket is the second argument, the directory the first.
"use strict";

const S3rver = require("s3rver");

const store = new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory: process.argv[2],
  configureBuckets: [{ name: process.argv[3], configs: [] }],
});
store.run().then((address) => console.log(address.port));
