"""MBG/NBD: customers may leave right after the first purchase too."""

from __future__ import annotations

from typing import ClassVar

from segkit.models.beta_geometric import BetaGeometricNBD


class MBGNBD(BetaGeometricNBD):
    """MBG/NBD: a customer may leave after each purchase, the first one included.

    Notes
    -----
    Parameters: `r`, `alpha` (of the purchase rate; `alpha` in `time_unit`), `a`, `b` (of the
    chance to leave). Source: Batislam, Denizel and Filiztekin (2007), Empirical validation and
    comparison of models for customer base analysis, IJRM 24(3).

    Examples
    --------
    >>> model = MBGNBD().with_params({"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614})
    >>> model.p_alive([0, 2], [0, 30.43], [38.86, 38.86]).round(3)
    array([0.39 , 0.706])
    """

    leaves_at_once: ClassVar[int] = 1
