"""BG/NBD: customers leave after a repeat purchase."""

from __future__ import annotations

from typing import ClassVar

from segkit.models.beta_geometric import BetaGeometricNBD


class BGNBD(BetaGeometricNBD):
    """BG/NBD: a customer may leave after each repeat purchase, and at no other time.

    A one-time buyer has had no occasion to leave, so its probability of being a customer is
    1 by construction.

    Notes
    -----
    Parameters: `r`, `alpha` (of the purchase rate; `alpha` in `time_unit`), `a`, `b` (of the
    chance to leave). Source: Fader, Hardie and Lee (2005), "Counting your customers" the easy
    way, Marketing Science 24(2).

    Examples
    --------
    >>> model = BGNBD().with_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> model.expected_orders(39, x=[2], t_x=[30.43], T=[38.86]).round(3)
    array([1.226])
    """

    leaves_at_once: ClassVar[int] = 0
