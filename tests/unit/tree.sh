#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tree.sh: the rules of the house (tools/check-tree) are a test like any other.
exec "${srcdir:-.}/tools/check-tree"
