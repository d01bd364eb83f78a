"""A first params file from a look at an order log: guesses that say why, or a refusal.

What a file leaves open, such as whether `03/04/2025` is in April, is never guessed: the
error shows both readings and how to choose.
"""

from segkit.sniff.dates import other_pattern
from segkit.sniff.document import write_params
from segkit.sniff.guess import Guess, sniff
from segkit.sniff.trial import trial

__all__ = ["Guess", "other_pattern", "sniff", "trial", "write_params"]
