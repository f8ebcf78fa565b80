#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
echo "the unit tests need cmocka; on Debian: apt-get install libcmocka-dev, then configure again"
exit 77
