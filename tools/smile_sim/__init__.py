# SPDX-License-Identifier: Apache-2.0
"""A strict local simulator of Smile ID's API, both generations, for tests, demo and load.

Every rule here comes from Smile ID's public pages and client libraries as collected in the
project's provider notes. Comments cite their sections: A1-A10 the older HMAC-signed JSON API
("legacy", v1/v2), B1-B7 the token and multipart API (V3), D the simulator's own specification.
A rule marked "inferred" is stated by no public source: a client must not come to depend on it.

The modules, lowest first:
  signing      the signature recipe, its golden vectors, timestamps
  idtypes      which countries and ID types exist, and what their numbers look like
  state        settings, journal, jobs, per-number counters
  faults       the catalogue of faults and the rules that switch them on
  front        one request in, one answer out: reading, faults, sending, journal
  outcome      which legacy result a submission gets, and its JSON
  legacy       the legacy endpoints
  v3_check     the V3 request rules and the multipart reader
  v3           the V3 endpoints
  estimator    the age estimator of a development system, which is nobody's API but ours
  courier      callbacks, their retries, and what faults do to them
  admin        the control API under /_sim/
  cli          the command line
"""
