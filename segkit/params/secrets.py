"""Passwords: they come from the environment, and no text tells them."""

from __future__ import annotations

import os
import re

from segkit.errors import SegkitError

_SECRETS = (
    # user:password@, unless the password is a ${NAME}
    re.compile(r"((?<!duckdb)(?<!sqlite)://[^/?@:\s]*:)(?!\$\{\w+\}@)[^?\s]+(?=@)"),
    re.compile(
        r"((?:password|passwd|pwd|secret|token)=)(?!\$\{\w+\}(?:&|$))[^&\s]+", re.IGNORECASE
    ),
)


def without_secrets(text: str) -> str:
    """Return a text with the passwords of the addresses in it blotted out.

    Examples
    --------
    >>> without_secrets("no route to postgresql://ana:s3cr3t@db.example/shop")
    'no route to postgresql://ana:…@db.example/shop'
    >>> without_secrets("postgresql://ana:${SHOP_PASSWORD}@db.example/shop")
    'postgresql://ana:${SHOP_PASSWORD}@db.example/shop'
    """
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    return text


def from_environment(text: str, *, where: str) -> str:
    """Replace every `${NAME}` in `text` by the environment's value.

    Raises
    ------
    SegkitError
        A name is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in os.environ:
            raise SegkitError(
                f"environment variable {name} is not set",
                where=where,
                fix=f"set {name} and run again",
            )
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)
