# SPDX-License-Identifier: Apache-2.0
"""What went wrong, in words for a person."""


class Trouble(Exception):
    """A sentence, what to do about it, and the log that says more (its end is printed)."""

    def __init__(self, sentence, hint="", log=None):
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.log = log


def log_tail(path, lines=25):
    """The last lines of a file, or an empty text."""
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            return b"\n".join(file.read().rstrip().split(b"\n")[-lines:]).decode("utf-8", "replace")
    except OSError:
        return ""
