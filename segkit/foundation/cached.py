"""A property computed once, which a notebook can complete and explain without computing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # A checker knows what `functools.cached_property` is; ours is the same to it.
    from functools import cached_property as cached_property
else:

    class cached_property(property):
        """A property that is computed when first asked for, and remembered by its object.

        `functools.cached_property` is no property to Jupyter: to show its docstring, or to complete
        what follows it, it would be computed, which here may take minutes.

        Examples
        --------
        >>> class Shop:
        ...     @cached_property
        ...     def orders(self) -> int:
        ...         print("counting")
        ...         return 3
        >>> shop = Shop()
        >>> shop.orders, shop.orders, vars(shop)
        counting
        (3, 3, {'orders': 3})
        """

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            held = instance.__dict__
            if self._name not in held:
                held[self._name] = self.fget(instance)
            return held[self._name]

        def __set__(self, instance: Any, value: Any) -> None:
            instance.__dict__[self._name] = value

        def __delete__(self, instance: Any) -> None:
            instance.__dict__.pop(self._name)
