"""What to do with each segment: texts and discount rules, one YAML file a language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from segkit.errors import RuleError, suggestion
from segkit.params import load_yaml

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]
Cell = Annotated[str, StringConstraints(pattern=r"^[1-9]{3}$")]
# Strictest first: of two policies the one further to the left binds.
Policy = Literal["never", "points", "threshold", "first_order", "last_resort", "allowed"]
Channel = Literal["email", "whatsapp", "sms", "push", "call", "mail", "ads", "adviser"]

POLICIES_BY_STRICTNESS: tuple[Policy, ...] = get_args(Policy)
# Cells whose treatment is no matter of taste (definitions, section 4): what they may have.
_CELL_POLICIES: dict[str, tuple[Policy, ...]] = {
    "555": ("never",),
    "115": tuple(policy for policy in POLICIES_BY_STRICTNESS if policy != "allowed"),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(_Strict):
    """The advice for one segment.

    Source
    ------
    Definitions, sections 10 and 11.
    """

    name: Text
    description: Text
    strategies: Annotated[list[Text], Field(min_length=3, max_length=5)]
    avoid: Annotated[list[Text], Field(min_length=1, max_length=3)]
    channels: Names
    contact_frequency: Text
    discount: Policy
    discount_note: Text
    kpi: Text


class DiscountPolicy(_Strict):
    """The name of a discount policy and what it allows, in the playbook's language."""

    name: Text
    explanation: Text


class Document(_Strict):
    """The fixed labels of the recommendations document, in the playbook's language.

    Source
    ------
    Definitions, section 10 (text format of the recommendations file).
    """

    title: Text
    total_segments: Text
    generated_on: Text
    customers: Text
    profile: Text
    recency: Text
    frequency: Text
    monetary: Text
    aov: Text
    day: Text
    days: Text
    orders: Text
    description: Text
    strategies: Text
    avoid: Text
    channels: Text
    contact_frequency: Text
    discount_policy: Text
    kpi: Text
    closing: Text


class _PlaybookFile(_Strict):
    """One YAML file as written; entries may be partial."""

    language: Text
    document: Document
    discounts: dict[Policy, DiscountPolicy]
    channels: dict[Channel, Names]
    segments: dict[Text, Entry]
    segmentations: dict[Text, dict[Text, Entry]]
    cells: dict[Cell, Entry]


class Playbook(_Strict):
    """A checked playbook: every entry of it is complete.

    Parameters
    ----------
    language : str
        Two-letter language of the texts.
    file : str
        The file to name in errors: the client's own where there is one.
    document : Document
        Fixed labels of the recommendations document.
    discounts : dict
        Discount policy key to its name and explanation.
    channels : dict
        Channel key such as ``"email"`` to the names that entries write for it.
    segments : dict
        Segment key to its general entry.
    segmentations : dict
        Segmentation key to the entries that mean something else there.
    cells : dict
        RFM cell such as ``"555"`` to its entry.

    Source
    ------
    Definitions, sections 10 and 11.

    Examples
    --------
    >>> playbook = Playbook.load("en")
    >>> playbook.name("clusters", "low_value")
    'Low Value'
    """

    language: Text
    file: Text
    document: Document
    discounts: dict[Policy, DiscountPolicy]
    channels: dict[Channel, Names]
    segments: dict[Text, Entry]
    segmentations: dict[Text, dict[Text, Entry]]
    cells: dict[Cell, Entry]

    @classmethod
    def load(cls, language: str, override: Path | None = None) -> Playbook:
        """Return the shipped playbook of a language, with a client's file over it.

        The client's file has the structure of the shipped one and needs only what differs; its
        fields replace the shipped ones, lists as a whole, but names of `channels` are added to the
        shipped ones. Where the shipped file says what a key means in one segmentation, that stays
        until the client's `segmentations` says otherwise.

        Parameters
        ----------
        language : str
            One of `languages()`.
        override : Path, optional
            The client's own YAML file.

        Raises
        ------
        RuleError
            No such language; a file with an unknown key, a wrong type, an incomplete entry or a
            name under two channels; cell 555 with any discount, or 115 with a bare one.
        SegkitError
            A file that is missing, is no YAML or repeats a key.

        Source
        ------
        Definitions, sections 4 and 10.

        Examples
        --------
        >>> Playbook.load("es").name("families", "loyal")
        'Leales'
        """
        shipped = _shipped(language)
        name = f"playbooks/{language}.yaml"
        _check_fields(shipped, name)
        if override is None:
            return _assembled(shipped, name)
        own = load_yaml(override)
        _check_own(own, shipped, str(override))
        return _assembled(_laid_over(shipped, _with_channels(shipped, own)), str(override))

    def entry(self, segmentation: str, key: str) -> Entry:
        """Return the advice for a segment of a segmentation.

        Parameters
        ----------
        segmentation : str
            Segmentation key, such as ``"value_groups"``.
        key : str
            Segment key, such as ``"champions"``.

        Raises
        ------
        RuleError
            The playbook has no such segmentation, or no entry for the segment.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("en").entry("value_groups", "champions").discount
        'never'
        """
        if segmentation not in self.segmentations:
            raise RuleError(
                f"unknown segmentation {segmentation!r}",
                where=f"{self.file}: segmentations",
                fix=suggestion(segmentation, self.segmentations),
            )
        found = self.segmentations[segmentation].get(key) or self.segments.get(key)
        if found is None:
            raise RuleError(
                f"no entry for segment {key!r} of segmentation {segmentation!r}",
                where=self.file,
                fix=suggestion(key, [*self.segments, *self.segmentations[segmentation]]),
            )
        return found

    def cell(self, cell: str) -> Entry | None:
        """Return the special advice for an RFM cell, or None where it has none.

        Parameters
        ----------
        cell : str
            Three digits, such as ``"555"``.

        Source
        ------
        Definitions, section 4.

        Examples
        --------
        >>> Playbook.load("en").cell("555").discount
        'never'
        >>> Playbook.load("en").cell("333") is None
        True
        """
        return self.cells.get(cell)

    def channel_key(self, name: str) -> Channel | None:
        """Return the key of a channel as entries name it, or None for one that no list holds.

        Capitals and spaces around do not matter.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("en").channel_key("Retargeting ads")
        'ads'
        >>> Playbook.load("en").channel_key("Fax") is None
        True
        """
        wanted = _alike(name)
        for key, names in self.channels.items():
            if wanted in map(_alike, names):
                return key
        return None

    def name(self, segmentation: str, key: str) -> str:
        """Return the name of a segment in the playbook's language.

        Raises
        ------
        RuleError
            As for `entry`.

        Source
        ------
        Definitions, section 10.

        Examples
        --------
        >>> Playbook.load("es").name("sub_segments", "loyal_r5")
        'Leales · compra muy reciente (R5)'
        """
        return self.entry(segmentation, key).name

    def names(self, segmentation: str, keys: Iterable[str]) -> dict[str, str]:
        """Return key to name for segments of one segmentation, in the order given.

        Raises
        ------
        RuleError
            A segment has no entry, or two segments have the same name.

        Source
        ------
        Definitions, section 5 (names are unique within a run).

        Examples
        --------
        >>> Playbook.load("es").names("families", ["prospects", "loyal"])
        {'prospects': 'Prospectos', 'loyal': 'Leales'}
        """
        names = {key: self.name(segmentation, key) for key in keys}
        bearers: dict[str, list[str]] = {}
        for key, name in names.items():
            bearers.setdefault(name, []).append(key)
        for name, alike in bearers.items():
            if len(alike) > 1:
                raise RuleError(
                    f"several segments of {segmentation!r} are named {name!r}",
                    where=self.file,
                    values=alike,
                    fix="give each its own name",
                )
        return names


def languages() -> list[str]:
    """Return the languages that have a shipped playbook, in alphabetical order.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> languages()
    ['en', 'es']
    """
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def strictest(policies: Iterable[Policy]) -> Policy:
    """Return the policy that allows least, which binds where several meet.

    Parameters
    ----------
    policies : iterable of str
        Discount policy keys, such as those of all the segments a customer is in.

    Raises
    ------
    RuleError
        None is given, or one is unknown.

    Source
    ------
    Definitions, sections 4 and 10.

    Examples
    --------
    >>> strictest(["allowed", "points", "last_resort"])
    'points'
    """
    given = list(policies)
    for policy in given:
        if policy not in POLICIES_BY_STRICTNESS:
            fix = suggestion(str(policy), POLICIES_BY_STRICTNESS)
            raise RuleError("unknown discount policy", values=[policy], fix=fix)
    if not given:
        raise RuleError("no discount policy to choose from", fix="give one or more")
    return min(given, key=POLICIES_BY_STRICTNESS.index)


def shipped_document(language: str) -> Document:
    """Return the shipped labels of the recommendations document.

    Parameters
    ----------
    language : str
        One of `languages()`.

    Raises
    ------
    RuleError
        No such language.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> shipped_document("es").kpi
    'Indicador a Seguir'
    """
    return Document.model_validate(_shipped(language)["document"])


def _folder() -> Path:
    return Path(__file__).parent / "playbooks"


def _shipped(language: str) -> dict[str, Any]:
    if language not in languages():
        raise RuleError(
            f"no playbook in language {language!r}",
            where="playbooks",
            fix=suggestion(language, languages()),
        )
    return load_yaml(_folder() / f"{language}.yaml")


def _laid_over(below: Any, above: Any) -> Any:
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}


def _with_channels(shipped: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return the client's file with the shipped channel names before its own."""
    added = own.get("channels", {})
    both = {key: [*shipped["channels"].get(key, []), *names] for key, names in added.items()}
    return {**own, "channels": both}


def _assembled(raw: dict[str, Any], file: str) -> Playbook:
    special = {
        segmentation: {key: {**raw["segments"].get(key, {}), **own} for key, own in entries.items()}
        for segmentation, entries in raw["segmentations"].items()
    }
    _check_complete(raw["segments"], file, "segments")
    _check_complete(raw["cells"], file, "cells")
    for segmentation, entries in special.items():
        _check_complete(entries, file, "segmentations", segmentation)
    _check_cells(raw["cells"], file)
    _check_channels(raw["channels"], file)
    try:
        return Playbook.model_validate({**raw, "file": file, "segmentations": special})
    except ValidationError as error:
        raise _fault(error.errors(), file) from None


def _check_complete(entries: Mapping[str, Mapping[str, Any]], file: str, *section: str) -> None:
    lacking = {
        key: [field for field in Entry.model_fields if field not in entry]
        for key, entry in entries.items()
    }
    complete = [key for key, absent in lacking.items() if not absent]
    for key, absent in lacking.items():
        if absent:
            raise RuleError(
                f"a new segment's entry must be complete; this one lacks {', '.join(absent)}",
                where=_place(file, *section, key),
                fix=f"{suggestion(key, complete)}; or write the rest",
            )


def _check_cells(cells: Mapping[str, Mapping[str, Any]], file: str) -> None:
    for cell, policies in _CELL_POLICIES.items():
        policy = cells[cell]["discount"]
        if policy not in policies:
            raise RuleError(
                f"cell {cell} cannot have this discount policy",
                where=_place(file, "cells", cell, "discount"),
                values=[policy],
                fix=f"write {_any_of(policies)}, or take the line out",
            )


def _any_of(policies: Iterable[str]) -> str:
    return " or ".join(f"'{policy}'" for policy in policies)


def _check_channels(channels: Mapping[str, Iterable[str]], file: str) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for key, names in channels.items():
        for name in names:
            other, alike = seen.setdefault(_alike(name), (key, name))
            if other != key:
                raise RuleError(
                    f"'{other}' and '{key}' have the same name",
                    where=f"{file}: channels",
                    values=[alike, name],
                    fix="leave it under one of them",
                )


def _alike(name: str) -> str:
    """Return a channel's name as it is compared."""
    return " ".join(name.split()).casefold()


def _check_own(own: dict[str, Any], shipped: dict[str, Any], file: str) -> None:
    _check_fields(own, file)
    if own.get("language", shipped["language"]) != shipped["language"]:
        raise RuleError(
            f"written in {own['language']!r}, but the report is in {shipped['language']!r}",
            where=f"{file}: language",
            fix="give the file for the report's language",
        )
    for segmentation in own.get("segmentations", {}):
        if segmentation not in shipped["segmentations"]:
            raise RuleError(
                f"unknown segmentation {segmentation!r}",
                where=f"{file}: segmentations",
                fix=suggestion(segmentation, shipped["segmentations"]),
            )


def _check_fields(raw: dict[str, Any], file: str) -> None:
    """Raise for unknown keys and wrong types; what is absent may stand in another file."""
    try:
        _PlaybookFile.model_validate(raw)
    except ValidationError as error:
        faults = [fault for fault in error.errors() if fault["type"] != "missing"]
        if faults:
            raise _fault(faults, file) from None


def _fault(faults: list[Any], file: str) -> RuleError:
    first = faults[0]
    path = first["loc"][:-1] if first["loc"][-1] == "[key]" else first["loc"]
    where = _place(file, *path)
    count = len(faults) if len(faults) > 1 else None
    if first["type"] == "extra_forbidden":
        fix = suggestion(str(path[-1]), _fields(path))
        return RuleError("unknown key", where=where, count=count, fix=fix)
    if first["type"] == "missing":
        return RuleError("missing", where=where, count=count, fix="write it")
    return RuleError(
        _plain(first["msg"]), where=where, values=[first["input"]], count=count, fix=_mending(first)
    )


def _place(file: str, *path: object) -> str:
    return f"{file}: {'.'.join(' '.join(str(part).split()) for part in path)}"


def _fields(path: tuple[Any, ...]) -> list[str]:
    if len(path) == 1:
        return list(_PlaybookFile.model_fields)
    models = {"document": Document, "discounts": DiscountPolicy}
    return list(models.get(path[0], Entry).model_fields)


def _plain(message: str) -> str:
    """Return a pydantic message in the terms of a YAML file."""
    message = message.replace("Input should", "should").replace("valid dictionary", "mapping")
    return (message[0].lower() + message[1:]).partition(" or instance of ")[0]


def _mending(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "string_type":
        return "write a text, in quotes if YAML reads it as a number, a date or a truth value"
    if fault["type"] == "literal_error":
        valid = get_args(Channel) if fault["loc"][0] == "channels" else POLICIES_BY_STRICTNESS
        return suggestion(str(fault["input"]), valid)
    if fault["type"] == "string_pattern_mismatch":
        return "write three scores from 1 up, such as '555'"
    return ""
