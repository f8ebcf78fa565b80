# SPDX-License-Identifier: Apache-2.0
"""A private Bonafide in one directory: database, pool, web server, batch and provider simulator."""
