"""Names that moved; kept until nothing asks for them here."""

from segkit.words.columns import Columns
from segkit.words.fields import checked, fields_of, filled
from segkit.words.format import plain_words
from segkit.words.texts import SECTIONS, Texts

__all__ = ["SECTIONS", "Columns", "Texts", "checked", "fields_of", "filled", "plain_words"]
