"""A client's parameters as a notebook holds them: in its own names, or in a file that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segkit.errors import ParamsError, SegkitError, nearest
from segkit.foundation.yaml_files import load_yaml
from segkit.params import Params, check_params, find_root

_OWN = ("params_file", "root", "run_dir")
"""Names of a notebook that are no parameters of a client."""


def given_in(names: Mapping[str, Any]) -> tuple[Params, Path]:
    """Return the parameters that a notebook's names hold, and the root of relative paths.

    Parameters
    ----------
    names : mapping
        See `segkit.study.study.Study.from_notebook`.

    Raises
    ------
    ParamsError
        As `segkit.params.check_params`; also where neither client nor file is given, and of a
        name that looks like a misspelt key.

    Examples
    --------
    >>> params, _ = given_in({"params_file": "params/cdnow.yaml", "language": "en"})
    >>> params.client, params.language
    ('cdnow', 'en')
    """
    keys = Params.model_fields
    given = {name: names[name] for name in keys if names.get(name) is not None}
    _refuse_misspelt(names, [*keys, *_OWN])
    root = Path(names["root"]).resolve() if names.get("root") else find_root()
    if "client" in given:
        return check_params(given, where="notebook parameters"), root
    if not names.get("params_file"):
        problem = SegkitError(
            "neither client nor params_file is given", where="notebook parameters"
        )
        raise ParamsError([problem])
    file = root / names["params_file"]
    merged = _merged(load_yaml(file), given)
    return check_params(merged, where=f"{file.name} and notebook parameters"), root


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if nested else value
    return merged


def _refuse_misspelt(names: Mapping[str, Any], valid: list[str]) -> None:
    """Refuse a plain value whose name is almost a parameter's; papermill accepts any name."""
    plain = (str, int, float, list, dict)
    strange = [
        name
        for name, value in names.items()
        if not name.startswith("_") and name not in valid and isinstance(value, plain)
    ]
    for name in strange:
        close = nearest(name, valid)
        if close is not None:
            fix = f"write '{close}', or give a variable of your own another name"
            raise ParamsError([SegkitError("unknown parameter", where=name, fix=fix)])
