"""Reading a YAML file: one mapping, no key twice, every fault in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from segkit.errors import SegkitError

_PACKAGE = Path(__file__).parents[1]


class _YamlLoader(yaml.SafeLoader):
    """YAML as papermill reads it (dates stay text), with duplicate keys refused."""


class _OwnLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same for the kit's own files: ten times faster where there is libyaml.

    A client's file is read in Python: its faults are told in the same words on every machine.
    """


def _mapping_without_duplicates(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        place = f"line {key_node.start_mark.line + 1}"
        if isinstance(key, (list, dict)):
            raise SegkitError("a key must be one word", where=place, fix="write 'key: value'")
        if key in seen:
            raise SegkitError(f"key {key!r} appears twice", where=place, fix="keep one of the two")
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


for _loader in (_YamlLoader, _OwnLoader):
    _loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _loader.add_constructor("tag:yaml.org,2002:map", _mapping_without_duplicates)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Return a YAML file's mapping; duplicate keys and non-mappings are errors.

    Raises
    ------
    SegkitError
        The file is missing, is not UTF-8 or YAML, repeats a key, or is no mapping.
    """
    path = Path(path)
    loader = _OwnLoader if path.is_relative_to(_PACKAGE) else _YamlLoader
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=loader)
    except FileNotFoundError:
        raise SegkitError("file not found", where=str(path), fix="check the path") from None
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 ({error.reason} at byte {error.start})"
        raise SegkitError(problem, where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        raise SegkitError(
            f"cannot be read ({error.strerror})", where=str(path), fix="name a params file"
        ) from None
    except RecursionError:
        raise SegkitError(
            "is nested too deeply", where=str(path), fix="write it as in params/cdnow.yaml"
        ) from None
    except yaml.YAMLError as error:
        raise SegkitError(_yaml_problem(error), where=str(path), fix="mend the YAML") from None
    except SegkitError as error:
        problem, where, _, _, fix = error.args
        raise SegkitError(problem, where=f"{path}: {where}", fix=fix) from None
    if not isinstance(content, dict):
        raise SegkitError(
            "holds no keys",
            where=str(path),
            fix="write 'key: value' lines, as in params/cdnow.yaml",
        )
    return content


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"not valid YAML{line}: {' '.join(str(getattr(error, 'problem', error)).split())}"
